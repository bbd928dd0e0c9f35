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
        case .configurationRefused: ("stillpoint.conf is refused", "no run freezes anything until it is right")
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
        case .overlayRoomTight:
            ("There is little room for overlays", "if guests write twice as much as lately, QEMU pauses them")
        case .ramRoomLacking:
            ("There is too little room for RAM dumps", "VMs fall back from memory to their next strategy")
        case .coldRoomTight:
            ("There is little room in cold storage", "RAM dumps stay in ram_dir, and fill it")
        case .poolUnusable: ("A pool takes no writes", "there is no snapshot, and VMs may stand still")
        case .poolNearlyFull:
            ("A pool is nearly full", "ZFS becomes slow, and snapshots and commits fail when it is full")
        case .folderVolatile:
            (
                "A folder is gone after a reboot",
                "what a guest wrote to an overlay, or what tells how to put it back, is lost with a power cut"
            )
        case .dumpsVolatile:
            ("RAM dumps are gone after a reboot", "restore points then lack the RAM that they were taken for")
        case .commitRoomLacking:
            (
                "A dataset has too little room for what guests write during a snapshot",
                "the overlay cannot be committed, and the VM stays on it"
            )
        case .fileUntrusted:
            ("Others can change a file that root uses", "who can change it can do all that root may")
        case .overlayFolderClosed:
            (
                "QEMU cannot enter overlay_dir",
                "no disk can be moved to an overlay: VMs get the next strategy of their list, or are crash-consistent"
            )
        case .coldStorageUnusable: ("Cold storage cannot be used", "RAM dumps stay in ram_dir, and fill it")
        case .managerConfigurationUnreadable:
            ("sanoid.conf cannot be read", "a hook that sanoid calls refuses it, and freezes nothing")
        case .hooksMissing:
            ("sanoid calls no hook for a dataset with VMs", "its VMs are crash-consistent in every snapshot")
        case .hookMissing:
            (
                "sanoid calls only one of the two hooks",
                "without pre-snapshot nothing is frozen; without post-snapshot VMs stay frozen or on overlays until max_hold"
            )
        case .hookUnusable: ("A hook cannot be run", "nothing is frozen, nothing is released, or RAM dumps stay")
        case .hookForeign:
            ("sanoid calls another program than the hook", "if that does not call the hook, nothing is frozen")
        case .scriptTimeoutShort:
            (
                "sanoid's script_timeout is short",
                "a guest that takes longer to freeze is given up, and crash-consistent in the snapshot"
            )
        case .failureIgnored:
            (
                "sanoid takes the snapshot though a hook says no",
                "on_failure = abort keeps nobody from taking a crash-consistent snapshot"
            )
        case .failureWithholdsSnapshot:
            ("A VM that fails keeps its dataset from being snapshotted", "there is no backup of any VM there then")
        case .postForced:
            (
                "force_post_snapshot_script is set",
                "a pre-snapshot that failed has undone all, and there is nothing to do"
            )
        case .recursionContradicted:
            (
                "sanoid and the configuration do not agree on recursion",
                "VMs below the dataset are snapshotted unfrozen, or frozen for nothing"
            )
        case .pruningMissing:
            ("Nothing deletes RAM dumps whose snapshots are gone", "they fill ram_dir or cold storage")
        case .templateMissing:
            (
                "A section of sanoid.conf uses a template that is not there",
                "sanoid takes its defaults for what it was to say, and may call no hook"
            )
        case .managerUnconfigured:
            ("sanoid is installed and has no sanoid.conf", "it does not begin without one")
        case .datasetUnmanaged:
            (
                "No known manager snapshots a dataset with VMs",
                "its VMs have no snapshots, unless another program takes them"
            )
        case .disksApart:
            (
                "A VM's disks are snapshotted at different times",
                "each snapshot is consistent, and they do not fit each other"
            )
        case .managerServiceUnfit:
            ("sanoid's service does not let the hooks work", "they fail when systemd runs sanoid, and only then")
        case .managedDatasetMissing:
            ("A section of sanoid.conf is of no dataset", "sanoid skips it, and snapshots nothing of what was meant")
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
        case .stateUnreadable:
            ("A run's state file cannot be read", "nobody knows what it holds, so nobody releases it")
        case .stateNewer:
            ("A run was begun by a newer version", "this one does not touch it, so it stays open")
        case .runOpen: ("A run is open", "its VMs are released when its post-snapshot comes, or by its watchdog")
        case .archiveWaiting: ("RAM dumps wait for cold storage", "they take room in ram_dir meanwhile")
        case .archiveOverdue:
            ("RAM dumps wait for cold storage for long", "they fill ram_dir, and are lost with its disk")
        case .dumpNotArchived: ("A RAM dump could not be moved to cold storage", "it stays in ram_dir")
        case .dumpMissing: ("A RAM dump is not where it was put", "that VM is restored without its RAM")
        case .catalogueUnreadable:
            ("A restore point cannot be read", "what its snapshots hold is known by them and by cold storage alone")
        case .labelsMissing:
            ("overlay_dir has no labels for SELinux", "QEMU may be denied its overlays: VMs are crash-consistent only")
        case .appArmorParserMissing:
            ("AppArmor is in force without its parser", "a release may leave a VM on its overlay")
        case .appArmorInForce:
            ("AppArmor is in force", "this libvirt denies a VM that is started on an overlay its own disk")
        case .selinuxInForce: ("SELinux is there", "it may deny QEMU an overlay")
        case .confinementMissing:
            ("The kernel has no Landlock", "a hostile image could have qemu-img read files that are not the VM's")
        case .unitDisabled:
            ("A systemd unit of Stillpoint is not enabled", "nobody ends what a power cut or a killed hook leaves")
        case .notRoot:
            ("The check was not run as root", "what only root can see was not checked")
        case .zfsMissing: ("There is no zfs command", "nothing can be said on snapshots, nor restored")
        case .zfsSilent: ("zfs does not answer", "a hook waits for it, and says nothing on the snapshots")
        case .checkUnfinished:
            ("A check came to no end", "what it would have found is not known, and a run may meet what held it up")
        case .metricsFileUnusable: ("metrics_file cannot be written", "monitoring shows what was long ago, or nothing")
        case .metricsFileUnread:
            ("metrics_file has a name that node_exporter does not read", "monitoring sees nothing of any run")
        case .mailUnsendable: ("No mail can be sent", "nobody is told when a run fails")
        case .nobodyTold: ("Nobody is told of runs", "a run that fails is in the system log, and nobody reads that")
        case .reportsWaiting:
            ("Reports of runs could not be sent", "those who are to be told do not know how these runs ended")
        case .problemProgramUnusable: ("The program of on_problem cannot be used", "nobody is told when a run fails")
        }
    }
}
