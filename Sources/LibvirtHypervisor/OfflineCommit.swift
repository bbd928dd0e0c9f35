internal import Glibc
internal import Hypervisor
internal import Storage

/// Commits overlays that no QEMU has open, with qemu-img, and puts the bases back into the definition.
///
/// Each step may be done again after a kill: the overlay keeps what it holds until it is deleted.
struct OfflineCommit: Sendable {
    struct Item: Sendable {
        let disk: HeldDisk
        /// Somebody's image over the overlay.
        var above: String?
        /// The domain does not name it any more, so that another might.
        var isOrphan = false
        /// The overlay holds nothing newer than the base.
        var isCommitted = false
    }

    let connection: Connection
    /// Nil: it was undefined.
    let domain: Domain?
    let limit: Duration

    /// - Returns: what an administrator should know.
    func run(_ items: [Item], _ state: DomainState) async throws -> [String] {
        try await requireUnderstoodBases(of: items)
        let orphans = items.filter(\.isOrphan).map(\.disk)
        if !orphans.isEmpty {
            try await blocking("looking for users of the overlays", within: .seconds(60)) {
                try requireNoUser(of: orphans)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for item in items where !item.isCommitted { group.addTask { try await commit(item, state) } }
            try await group.waitForAll()
        }
        guard let domain else { return [] }
        let hasManagedSave = try await blocking("putting the bases back into the definition", within: .seconds(60)) {
            try connection.define(domain, on: BaseDefinition(disks: items.map(\.disk)))
        }
        if state == .off, let process = lostProcess(of: domain.name) {
            return [
                "libvirt says that it is shut off, but its QEMU, process \(process), runs on, on its own disks: libvirtd, "
                    + "which was killed or crashed, could not take it up again; shut it down from inside before it is "
                    + "started"
            ]
        }
        guard state == .saved, !hasManagedSave else { return [] }
        return [
            "the VM was saved to a file, which names the overlay; before it is restored, put the base in with: "
                + "virsh save-image-edit FILE"
        ]
    }

    private func commit(_ item: Item, _ state: DomainState) async throws {
        do {
            try await commit(item)
        } catch let error as HypervisorError where error.code == .changed && state == .off {
            guard let domain, let process = lostProcess(of: domain.name) else { throw error }
            throw HypervisorError(
                .changed,
                "libvirt says that it is shut off, but its QEMU, process \(process), runs on unharmed: libvirtd, which was "
                    + "killed or crashed, could not take it up again; shut it down from inside, or end that process, "
                    + "then: stillpoint recover", remedy: .retry, cause: error)
        }
    }

    /// The living QEMU of a domain that libvirtd lost: its PID file is still there.
    private func lostProcess(of name: String) -> Int32? {
        guard let text = try? FileAccess.read("/run/libvirt/qemu/\(name).pid", limit: 64),
            let process = Int32(String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)),
            kill(process, 0) == 0
        else { return nil }
        return process
    }

    private func commit(_ item: Item) async throws {
        let disk = item.disk
        // It must be written into nothing but the base.
        let below = try ImageChain.backingFile(of: disk.overlay)
        guard below == disk.base else { throw disk.doubt("below its overlay is \(below ?? "no image")") }
        // Not emptied (-d): that would only be more to write.
        try await QemuImg.run(
            ["commit", "-q", "-d", "-f", "qcow2", disk.overlay], about: disk.overlay, within: limit)
        guard let above = item.above else { return }
        try await QemuImg.run(
            ["rebase", "-u", "-f", "qcow2", "-F", disk.baseFormat, "-b", disk.base, above], about: above, within: limit)
    }

    /// A domain that uses the base now may have written to it: a commit would tear its file system apart.
    private func requireNoUser(of disks: [HeldDisk]) throws {
        for (other, _) in try connection.domains() {
            for description in try other.descriptions() {
                for use in description.usesWithChains() {
                    guard
                        let disk = disks.first(where: { use.chain.contains($0.overlay) || use.chain.contains($0.base) })
                    else { continue }
                    let image = use.chain.contains(disk.overlay) ? "its overlay" : disk.base
                    throw disk.doubt("the VM \(description.name) uses \(image) as its \(use.target)")
                }
            }
        }
    }
}

extension Domain {
    /// What it runs on and what it will start from; nothing when it went away meanwhile.
    func descriptions() throws -> [DomainDescription] {
        do {
            return [try description(), try description(persistent: true)]
        } catch let error as LibvirtError where error.isNoSuchDomain {
            return []
        }
    }
}
