internal import Hypervisor
internal import Support

extension LibvirtHypervisor {
    /// What a run on a libvirtd elsewhere would meet: in its overlays' folder, and of lines that translate nothing.
    func findings(of site: RemoteSite) async throws -> [Finding] {
        try await asking("reading storage and disks of \(section)", within: .seconds(60)) { connection, store in
            var findings: [Finding] = []
            do {
                try (store as? PoolOverlayStore)?.requireRoom(for: [])
            } catch let error as HypervisorError {
                findings.append(Finding(.overlayRoomLacking, error.description))
            }
            let images = try connection.domains().flatMap { domain, _ in
                (try? domain.description().disks.flatMap(\.disk.chain)) ?? []
            }
            let used = Set(images.compactMap { site.paths.line(covering: $0)?.line.theirs })
            findings += site.paths.lines.filter { !used.contains($0.theirs) }.map { line in
                Finding(
                    .mappingUnused, "path_map = \(printable("\(line)", limit: 400)) covers no disk of any VM there",
                    fix:
                        "correct the line, or remove it (virsh -c \(shellQuoted(self.settings.uri)) domblklist VM shows "
                        + "the paths there)")
            }
            return findings
        }
    }
}
