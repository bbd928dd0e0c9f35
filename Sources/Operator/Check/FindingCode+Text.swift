internal import Hypervisor

extension FindingCode {
    /// What it is, as the heading of its section in docs/findings.md.
    var title: String { text.title }

    /// Why it matters, in a sentence.
    var why: String { text.why }

    private var text: (title: String, why: String) {
        switch self {
        case .datasetMissing:
            ("A section's dataset does not exist", "its settings never count, and the dataset that was meant has none")
        case .datasetWithoutVM:
            ("A section's dataset holds no disk of a VM", "the VMs that it was written for are not frozen by it")
        case .patternUnmatched: ("A [vm] section matches no VM", "the VM that was meant is not treated as it says")
        case .wildcardUnmatched:
            ("A [vm] section with wildcards matches no VM now", "VMs that come later may match it, or it is mistyped")
        case .patternShadowed: ("A [vm] section never counts", "the first section that matches a VM counts alone")
        case .typeMistyped: ("A [type] section is of no type", "its settings never count")
        case .typeUnusual:
            ("A [type] section is of an unusual type", "it counts only where a hook is called with that type")
        case .noHypervisorEnabled: ("No hypervisor is enabled", "no VM is frozen at all")
        case .hypervisorDisabled: ("A hypervisor is not enabled", "its VMs are crash-consistent in every snapshot")
        case .mappingUnused:
            (
                "A line that says where storage is translates nothing",
                "the VMs that it was written for may not be found on their datasets"
            )
        case .hypervisorUnreachable:
            ("A hypervisor does not tell of its VMs", "its VMs are not frozen, and crash-consistent in the snapshot")
        case .nothingVisible: ("An account sees no VMs", "none of the server's VMs is frozen")
        case .privilegesMissing: ("An account lacks privileges", "the server will refuse to freeze those VMs")
        case .datastoreUnmapped: ("A datastore of this host is on no known dataset", "VMs on it are not frozen")
        case .datastoreForeign: ("A datastore is another host's", "VMs on it are not frozen by this host")
        case .datasetShared:
            ("Several datastores are on one dataset", "it is seldom meant, and a VM is frozen once for all of them")
        case .disksUnreadable:
            ("A VM's disks cannot be read", "whether a snapshot concerns it is not known, so it is not frozen")
        case .diskUnresolved:
            ("The place of a VM's disk is not known", "a snapshot may hold that disk without its VM being frozen")
        case .diskRefused:
            ("A disk cannot be moved to an overlay", "its VM will be crash-consistent only")
        case .licenceRefusesSnapshots:
            ("A server's licence allows no VM snapshots", "none of its VMs gets more than a crash-consistent snapshot")
        case .agentMissing:
            ("A guest has no agent", "nobody tells its file systems to stand still, so they are as after a power cut")
        case .agentSilent:
            (
                "A guest's agent does not answer",
                "nobody tells its file systems to stand still, and each run waits for it"
            )
        case .agentRefuses: ("A guest's agent does not freeze", "its file systems are as after a power cut")
        case .machinePaused:
            ("A VM is paused", "its guest writes nothing, and cannot be told to write what it still holds")
        case .machineBusy:
            ("Something else is at work on a VM", "if it still is when the snapshot is taken, the VM is not frozen")
        case .machineSilent: ("A VM's hypervisor process does not answer", "nothing can be done with the VM")
        case .shapeUnsupported:
            ("A disk or a device forbids the strategy", "the VM gets the next one of its list, or is crash-consistent")
        case .shutdownImpossible:
            ("A VM cannot be shut down and started again", "the VM gets the next strategy of its list, or none")
        case .strategyImpossible: ("A strategy would fail", "the VM gets the next one of its list, or none")
        case .guestUnknown:
            ("A VM cannot be asked about", "what it will get is not known, and a run may wait for it in vain")
        case .nameShared:
            ("Several running VMs have one name", "reports and the snapshot's properties cannot tell them apart")
        case .fallbackImpossible:
            ("A strategy further down the list would fail", "it does not help where those before it fail")
        case .folderUnusable: ("A folder cannot be used", "pre-snapshot refuses to freeze anything that needs it")
        case .programUnusable: ("A program of exec: cannot be used", "pre-snapshot refuses to run it")
        case .overlayRoomLacking:
            ("There is too little room for overlays", "a guest whose overlay cannot grow is paused by QEMU")
        case .snapshotRoomLacking:
            ("There is too little room for the snapshot", "zfs snapshot will fail: there is no backup")
        case .snapshotRoomUnknown:
            ("It is not known whether there is room for the snapshot", "zfs snapshot may fail")
        case .managerConfigurationUnreadable:
            ("sanoid.conf cannot be read", "a hook that sanoid calls refuses it, and freezes nothing")
        case .runAbandoned:
            ("A run was left open", "its VMs may be on overlays, frozen, paused or shut off until it is ended")
        case .runNotEnded:
            ("A run's watchdog has not ended it", "its VMs may be on overlays, which grow with every write")
        case .overlayLeft:
            ("A VM is on an overlay that no run knows", "its snapshots hold nothing of what it has written since")
        case .restoreLeft:
            ("A restore has left something", "it takes space, and keeps its snapshot from being destroyed")
        case .serverSnapshotLeft:
            ("A VM has a VM snapshot of a run", "it grows with every write, and slows the VM down")
        case .labelsMissing:
            ("overlay_dir has no labels for SELinux", "QEMU may be denied its overlays: VMs are crash-consistent only")
        case .appArmorParserMissing:
            ("AppArmor is in force without its parser", "a release may leave a VM on its overlay")
        case .appArmorInForce:
            ("AppArmor is in force", "this libvirt denies a VM that is started on an overlay its own disk")
        case .selinuxInForce: ("SELinux is there", "it may deny QEMU an overlay")
        case .confinementMissing:
            ("The kernel has no Landlock", "a hostile image could have qemu-img read files that are not the VM's")
        }
    }
}
