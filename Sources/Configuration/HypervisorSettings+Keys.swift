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
        section.key("uri", &uri, .libvirtURI, "where libvirtd is reached; the VMs' disks must be this host's")
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
