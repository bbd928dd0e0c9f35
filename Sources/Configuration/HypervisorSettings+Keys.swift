internal import Hypervisor

extension HypervisorSettings {
    /// The keys of `[hypervisor NAME]`; `kind` says which.
    mutating func readKeys(_ section: inout SectionReader, kinds: [String]) {
        section.key(
            "kind", &kind, .word(of: kinds),
            "what is asked: `libvirt`; `vsphere`: an ESXi host or a vCenter; `exec`: nothing, the VMs are listed here")
        section.key(
            "enabled", &isEnabled, .yesOrNo,
            "`no`: it is not asked for its VMs; what runs hold there is still released, and its snapshots restored")
        switch kind {
        case "vsphere": readVSphereKeys(&section)
        case "exec": readListedVMs(&section)
        default: readLibvirtKeys(&section)
        }
    }

    private mutating func readListedVMs(_ section: inout SectionReader) {
        uri = ""
        section.required(
            "vm", &listedVMs, .datasetsOfEach, else: "a VM or an application is needed, such as redis=tank/redis",
            "a VM or an application that counts as running, and a dataset of it; for `exec:PATH`")
        section.key(
            "max_parallel", &maxParallel, .optional(.integer(1...256)), unset: "what `[stillpoint]` says",
            "VMs worked on at the same time")
    }

    private mutating func readLibvirtKeys(_ section: inout SectionReader) {
        section.key(
            "uri", &uri, .libvirtURI,
            "where libvirtd is reached: this host's, or one that has this host's storage (`path_map`)")
        readSite(&section)
        section.key(
            "max_parallel", &maxParallel, .optional(.integer(1...256)), unset: "what `[stillpoint]` says",
            "VMs worked on at the same time")
        readQuiesceAttempts(&section)
    }

    private mutating func readQuiesceAttempts(_ section: inout SectionReader) {
        section.key(
            "quiesce_attempts", &quiesceAttempts, .integer(1...10),
            "how often a VM is asked to quiesce before its next strategy is tried")
    }

    /// The storage of a libvirtd that is elsewhere: all of it must be said, or nothing.
    private mutating func readSite(_ section: inout SectionReader) {
        var paths = PathMap()
        var folder: String?
        section.key(
            "path_map", &paths, .pathMap,
            "where this host's storage is on the host of a libvirtd elsewhere: its path and ours")
        section.key(
            "overlay_dir", &folder, .optional(.plainPath), unset: "what `[stillpoint]` says, on this host",
            "with `path_map`, where guests write while the snapshot is taken: a folder of that host, which is made there "
                + "once (`install -d -m 0711`), and never on what is snapshotted")
        let scheme = uri.split(separator: ":", maxSplits: 1).first
        if kind == "libvirt", scheme?.count == uri.count {
            section.refuse("uri", "is no URI, and an alias of libvirt.conf is not followed; such as qemu:///system")
        }
        switch (paths.isEmpty, folder) {
        case (true, _) where kind == "libvirt" && ConnectionURI(uri).isOfAnotherHost:
            section.refuse(
                "uri",
                "is another host's, whose disks are not known to be this host's; say where this host's storage is there: "
                    + "path_map = /mnt/vmstore=/tank/VM")
        case (true, nil): break
        case (true, _):
            section.refuse(
                "overlay_dir",
                "stands without path_map; for a libvirtd of this host set overlay_dir in [stillpoint], else add: path_map = "
                    + "/mnt/vmstore=/tank/VM")
        case (false, nil):
            section.refuse(
                "overlay_dir",
                "is needed with path_map: a folder of that host for overlays, such as /var/lib/libvirt/stillpoint")
        case (false, let folder?): site = RemoteSite(paths: paths, overlayDirectory: folder)
        }
    }

    private mutating func readVSphereKeys(_ section: inout SectionReader) {
        var account = ServerLogin(username: "", passwordFile: nil, trust: .system)
        var certificates: String?
        var thumbprint: String?
        (uri, maxParallel) = ("", 32)
        section.required("url", &uri, .serverURL, else: serverURLWanted, "where the server is reached")
        section.required(
            "username", &account.username, .text("an account's name"),
            else: "the account's name is needed, such as stillpoint@vsphere.local", "the account to log in with")
        section.key(
            "password_file", &account.passwordFile, .optional(.path),
            unset: "the systemd credential named like the section",
            "its password and nothing else, in a file that its owner alone can read")
        section.key(
            "ca_file", &certificates, .optional(.path), unset: "the system's store",
            "the certificates that may have signed the server's (PEM)")
        section.key(
            "thumbprint", &thumbprint, .optional(.thumbprint), "instead of `ca_file`: the server's own certificate")
        section.key("max_parallel", &maxParallel, .optional(.integer(1...256)), "VMs worked on at the same time")
        readQuiesceAttempts(&section)
        section.key("datastore", &storageRules.datastores, .datasets(), "a datastore's dataset, where it is not found")
        section.key(
            "lun", &storageRules.luns, .datasets(ignoringCase: true),
            "a LUN's volume, by its NAA name, for targets other than LIO")
        if certificates != nil, thumbprint != nil {
            section.refuse("thumbprint", "stands beside ca_file; keep one of the two")
        }
        account.trust = thumbprint.map { .thumbprint($0) } ?? certificates.map { .certificates(path: $0) } ?? .system
        login = account
    }
}
