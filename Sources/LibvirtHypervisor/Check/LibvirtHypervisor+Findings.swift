public import Hypervisor
internal import Support

extension LibvirtHypervisor {
    /// What keeps QEMU, or us, from what a release needs; how AppArmor and SELinux are in force, and whether qemu-img is
    /// confined.
    public func findings() async throws -> [Finding] {
        if let site = settings.site { return try await findings(of: site) }
        var findings: [Finding] = []
        if let directory = overlayDirectory, let finding = SELinuxLabels().finding(directory) {
            findings.append(finding)
        }
        if !Confinement.isComplete { findings.append(Self.confinementMissing) }
        guard AppArmorProfile.isInForce() else { return findings }
        return try await findings
            + Self.appArmorFindings(libvirt: version(), hasParser: AppArmorProfile.parser != nil)
    }

    static let confinementMissing = Finding(
        .confinementMissing,
        "this kernel has no Landlock (Linux 5.13, lsm=landlock,…): qemu-img gets no privileges, and limits on memory, time "
            + "and files, but is not kept from other files")

    /// Where AppArmor is in force.
    static func appArmorFindings(libvirt version: UInt, hasParser: Bool) -> [Finding] {
        guard version < AppArmorProfile.fixedVersion else { return [] }
        let note = Finding(
            .appArmorInForce,
            "AppArmor is in force and libvirt \(AppArmorProfile.text(version)) denies a VM that is started on its overlay "
                + "(autostart after a power cut) to write to its own disk: a release takes that line out of the VM's "
                + "profile; hooks/systemd/README.md says more")
        guard !hasParser else { return [note] }
        return [
            Finding(
                .appArmorParserMissing,
                "AppArmor is in force and apparmor_parser is missing: where a VM's profile denies writing to its own "
                    + "disk, its overlay cannot be committed while it runs", fix: "apt install apparmor"), note,
        ]
    }

    private func version() async throws -> UInt {
        try await asking("asking for libvirt's version", within: .seconds(30)) { connection, _ in
            try connection.libraryVersion()
        }
    }
}
