internal import DiskLocation
internal import Hypervisor
internal import Support

/// Commits overlays that no QEMU has open, with qemu-img, and puts the bases back into the definition.
///
/// Only where nobody else has, or has had, overlay or base: see `ImageUsers` and `BaseWriteHistory`. Each step may be done
/// again after a kill: the overlay keeps what it holds until it is deleted.
struct OfflineCommit: Sendable {
    struct Item: Sendable {
        let disk: OverlayDisk
        /// Somebody's image over the overlay.
        var above: String?
        /// The domain does not name it any more, so that another might.
        var isOrphan = false
        /// The overlay holds nothing newer than the base.
        var isCommitted = false
    }

    let connection: Connection
    let machineID: String
    /// Nil: it was undefined.
    let domain: Domain?
    let limit: Duration
    let journal: FreezeStateJournal

    /// - Returns: what an administrator should know.
    func run(_ items: [Item], _ state: DomainState) async throws -> [String] {
        try await requireUnderstoodBases(of: items)
        let open = items.filter { !$0.isCommitted }
        let lost = state == .off ? domain.flatMap { QEMUProcess(domain: $0.name) } : nil
        if !open.isEmpty {
            try await blocking("finding users of the images", within: .seconds(60)) { [self] in
                let users = ImageUsers(connection: connection, machineID: machineID)
                try users.requireNone(of: open.map(\.disk), owner: lost)
                if domain == nil { try requireLocal(open.map(\.disk)) }
            }
        }
        // Before the overlay is taken from whom libvirt gave it to.
        if lost == nil, let domain {
            try await blocking("giving the bases back", within: .seconds(60)) { [connection] in
                guard let user = try? connection.qemuUser(), let definition = try? domain.document(live: false) else {
                    return
                }
                for item in items where item.above == nil {
                    try? BaseOwner.handBack(item.disk, of: definition, from: user)
                }
            }
        }
        var committed: Set<String> = []
        for item in open where try await isInBase(item, state) { committed.insert(item.disk.overlay) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for item in open where !committed.contains(item.disk.overlay) { group.addTask { try await commit(item) } }
            try await group.waitForAll()
        }
        guard let domain else { return [] }
        let hasManagedSave = try await blocking("putting the bases back into the definition", within: .seconds(60)) {
            try connection.define(domain, on: BaseDefinition(disks: items.map(\.disk)))
        }
        if let lost {
            return [
                "libvirt says that it is shut off, but its QEMU, process \(lost.id), runs on, on its own disks: libvirtd, "
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

    /// Whether all that the overlay holds is in its base already, as after a commit that was killed when it was done.
    /// - Throws: HypervisorError where the overlay must not be committed.
    private func isInBase(_ item: Item, _ state: DomainState) async throws -> Bool {
        let disk = item.disk
        let (snapshot, name) = (await journal.freezeState.snapshot, domain?.name)
        let (doubt, isWritten) = try await blocking("reading \(disk.base)", within: .seconds(30)) {
            guard let now = ImageStamp.read(disk.base) else { throw disk.doubt(disk.missingBaseReason) }
            let doubt = BaseWriteHistory.doubt(
                disk, now: now, lead: disk.lead, moved: BaseWriteHistory.moved(snapshot: snapshot, of: name),
                isNamed: !item.isOrphan)
            return (doubt, BaseWriteHistory.isWritten(disk, now: now))
        }
        guard let doubt else { return false }
        if isWritten { try await journal.change { $0.change(disk.overlay) { $0.isBaseWritten = true } } }
        guard disk.progress == nil || item.above != nil else {
            if try await Self.isContained(disk, within: limit) {
                try await journal.change { [stamp = ImageStamp.read(disk.base)] in $0.finish(disk.overlay, stamp) }
                return true
            }
            throw disk.doubt(doubt + wayOut(disk))
        }
        throw disk.doubt(doubt + wayOut(disk))
    }

    /// Whether a guest would read the same from the base as from the overlay.
    /// - Throws: HypervisorError `.changed`, remedy `.stop`, where a header of theirs leads elsewhere; StorageError.
    static func isContained(_ disk: OverlayDisk, within limit: Duration) async throws -> Bool {
        let images = try await blocking("reading \(disk.overlay)", within: .seconds(30)) { try OfflineImages(disk) }
        return try await images.areAlike(within: limit)
    }

    private func wayOut(_ disk: OverlayDisk) -> String {
        let edit = domain.map { "put \(disk.base) into the definition (virsh edit \(shellQuoted($0.name))), " } ?? ""
        let overlay = shellQuoted(disk.overlay)
        return "; to keep what \(disk.base) holds: \(edit)rm \(overlay); to keep what the guest wrote last: "
            + "qemu-img commit -d -f qcow2 \(overlay), \(edit)rm \(overlay); then: stillpoint recover"
    }

    private func commit(_ item: Item) async throws {
        let disk = item.disk
        let moved = BaseWriteHistory.moved(snapshot: await journal.freezeState.snapshot, of: domain?.name)
        let (taken, images) = try await blocking("taking \(disk.overlay) from QEMU", within: .seconds(60)) {
            // It must be written into nothing but the base.
            _ = try OfflineImages(disk)
            let taken = try RootOnlyOverlay(disk)
            do {
                let images = try OfflineImages(disk, overlay: taken.image)
                // Whoever owns the base's folder may have put something else in its place since it was read.
                let doubt = BaseWriteHistory.doubt(
                    disk, now: images.baseStamp, lead: disk.lead, moved: moved, isNamed: !item.isOrphan)
                if let doubt { throw disk.doubt(doubt) }
                return (taken, images)
            } catch {
                taken.giveBack()
                throw error
            }
        }
        let before = await journal.disk(disk.overlay) ?? disk
        do {
            try await journal.reach(.committing, disk)
            try await CommitHeartbeat.during({ [disk.overlay] }) {
                try await images.commit(within: limit)
            }
        } catch {
            taken.giveBack()
            // It did not begin: somebody else has the image.
            if (error as? HypervisorError)?.code == .changed {
                try await journal.change { $0.change(before.overlay) { $0 = before } }
            }
            let reason = try await blocking("reading \(disk.base)", within: .seconds(30)) { disk.smallBaseReason() }
            guard let reason else { throw error }
            throw HypervisorError(.callFailed, reason, remedy: .retry, cause: error)
        }
        let stamp = try await blocking("reading \(disk.base)", within: .seconds(30)) { ImageStamp.read(disk.base) }
        try await journal.change { $0.finish(disk.overlay, stamp) }
        guard let above = item.above else { return }
        try await ImageChain.rebase(ImageFile(above), onto: disk.base, format: disk.baseFormat)
    }

    /// A VM that is not defined here may run on another host (virsh migrate --undefinesource), which only QEMU's locks
    /// would tell, where the storage knows locks at all.
    private func requireLocal(_ disks: [OverlayDisk]) throws {
        for disk in disks {
            guard let reason = try SharedStorage.reason(disk.overlay) else { continue }
            throw disk.doubt(
                "the VM is not defined here any more, and may run on another host that reaches its overlay: \(reason); on "
                    + "the host where it runs: virsh blockcommit VM \(shellQuoted(disk.target)) --active --shallow --pivot "
                    + "--wait, then: rm \(shellQuoted(disk.overlay)); if it runs nowhere: "
                    + "qemu-img commit -d -f qcow2 \(shellQuoted(disk.overlay)) && "
                    + "rm \(shellQuoted(disk.overlay)); then: stillpoint recover")
        }
    }
}

extension FreezeState {
    /// All that an overlay held is in its base, which nobody is to write to now.
    fileprivate mutating func finish(_ overlay: String, _ base: ImageStamp?) {
        change(overlay) { disk in
            disk.progress = .committed
            disk.baseAtRest = base
        }
    }
}
