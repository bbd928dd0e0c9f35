internal import Hypervisor
internal import Support

extension LibvirtHypervisor {
    /// What keeps QEMU, or us, from what a release needs.
    public func findings() async throws -> [String] {
        if let site = settings.site { return try await findings(of: site) }
        var findings: [String] = []
        if let directory = overlayDirectory, let finding = SELinuxLabels().finding(directory) {
            findings.append(finding)
        }
        if AppArmorProfile.isInForce(), AppArmorProfile.parser == nil,
            try await version() < AppArmorProfile.fixedVersion
        {
            findings.append(
                "AppArmor is in force and apparmor_parser is missing: where a VM's profile denies writing to its own "
                    + "disk, its "
                    + "overlay cannot be committed while it runs; fix: apt install apparmor")
        }
        return findings
    }

    /// How AppArmor and SELinux are in force, and whether qemu-img is confined.
    public func notes() async throws -> [String] {
        guard settings.site == nil else { return [] }
        var notes: [String] = []
        if !Confinement.isComplete {
            notes.append(
                "this kernel has no Landlock (Linux 5.13, lsm=landlock,…): qemu-img gets no privileges, and limits on "
                    + "memory, time and files, but is not kept from other files")
        }
        if let directory = overlayDirectory, let note = SELinuxLabels().note(directory) { notes.append(note) }
        return try await notes + appArmorNotes()
    }

    private func appArmorNotes() async throws -> [String] {
        guard AppArmorProfile.isInForce() else { return [] }
        let version = try await version()
        guard version < AppArmorProfile.fixedVersion else { return [] }
        return [
            "AppArmor is in force and libvirt \(AppArmorProfile.text(version)) denies a VM that is started on its overlay "
                + "(autostart after a power cut) to write to its own disk: a release takes that line out of the VM's "
                + "profile; hooks/systemd/README.md says more"
        ]
    }

    private func version() async throws -> UInt {
        try await asking("asking for libvirt's version", within: .seconds(30)) { connection, _ in
            try connection.libraryVersion()
        }
    }
}
