internal import CLibvirt
internal import Glibc
internal import Hypervisor

extension Domain {
    /// The names of its snapshots in libvirt (virDomainListAllSnapshots).
    func snapshotNames() throws -> [String] {
        var list: UnsafeMutablePointer<virDomainSnapshotPtr?>?
        let count = library.functions.virDomainListAllSnapshots(pointer, &list, 0)
        guard count >= 0 else { throw library.lastError("listing the snapshots") }
        defer { free(list) }
        return (0..<Int(count)).compactMap { index in
            guard let snapshot = list?[index] else { return nil }
            defer { _ = library.functions.virDomainSnapshotFree(snapshot) }
            return library.functions.virDomainSnapshotGetName(snapshot).map { String(cString: $0) }
        }
    }

    /// Makes sure that the domain uses none of a freeze state's overlays, now or at its next start, so that they can be deleted.
    /// - Throws: HypervisorError `.changed` with remedy `.stop` when it does, with remedy `.retry` when libvirt is at
    ///   work on the domain.
    func requireUnused(_ freezeState: FreezeState, _ store: any OverlayStore) throws {
        guard !freezeState.disks.isEmpty else { return }
        // A call that we gave up waiting for may still be moving the domain to these very files.
        guard try !isBusy() else {
            throw HypervisorError(
                .changed, "libvirt is still working on the domain; its overlays were not touched", remedy: .retry)
        }
        let uses = try description().chains + store.chains(of: description(persistent: true))
        for disk in freezeState.disks {
            if let user = uses.first(using: disk.overlay) {
                throw HypervisorError(
                    .changed, "\(user.target) still uses the overlay \(disk.overlay); it was not touched",
                    remedy: .stop)
            }
        }
    }
}
