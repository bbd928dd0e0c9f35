internal import DiskLocation
internal import Hypervisor
internal import Support
internal import XMLTree

extension PoolOverlayStore {
    // MARK: what can be learnt

    func content(of disk: OverlayDisk) throws -> OverlayContent {
        guard let (_, document) = try volume(of: disk) else { return .missing }
        let capacity = document.first("capacity").flatMap { UInt64($0.text) } ?? 0
        guard document.first("target", "format")?["type"] == "qcow2", capacity > 0 else { return .unfinished }
        if let problem = problem(disk, document, capacity: nil) { return .refused(problem) }
        // The length of its file.
        guard let length = document.first("physical").flatMap({ UInt64($0.text) }) else { return .written }
        return length <= Self.unwrittenLength(capacity: capacity) ? .unwritten : .written
    }

    /// The most bytes that an overlay has as long as nobody wrote to it: QEMU writes data, and the second table that each
    /// cluster of it needs, behind what qemu-img made (docs/interop/qcow2.txt): header, reference table, reference block,
    /// and a first table with 8 bytes for each 512 MiB, in clusters of 64 KiB.
    static func unwrittenLength(capacity: UInt64) -> UInt64 {
        let cluster: UInt64 = 64 << 10
        let tables = (capacity + (512 << 20) - 1) / (512 << 20) * 8
        return (3 + (tables + cluster - 1) / cluster) * cluster
    }

    /// What a volume says that is not as it was made; nil where it is.
    func problem(_ disk: OverlayDisk, _ document: XMLElement, capacity: UInt64?) -> String? {
        let target = document.first("target")
        if let path = target?.first("path")?.text, path != disk.overlay { return "it is \(path)" }
        let backing = Self.backing(document)
        guard backing?.name == disk.base else { return "below it is \(backing?.name ?? "no image")" }
        guard backing?.format == disk.baseFormat else {
            return "it calls \(disk.base) \(backing?.format ?? "of no format"), and that is \(disk.baseFormat)"
        }
        guard let capacity else { return nil }
        let size = document.first("capacity")?.text ?? "none"
        return size == "\(capacity)" ? nil : "its size is \(size), and that of \(disk.target) \(capacity)"
    }

    private static func backing(_ document: XMLElement) -> ImageHeader.Backing? {
        guard let below = document.first("backingStore"), let path = below.first("path")?.text else { return nil }
        return ImageHeader.Backing(name: path, format: below.first("format")?["type"])
    }

    func backing(of overlay: String) -> ImageHeader.Backing? {
        let name = FileAccess.lastComponent(overlay)
        guard let document = try? pool().volume(named: name)?.document(),
            document.first("target", "format")?["type"] == "qcow2"
        else { return nil }
        return Self.backing(document)
    }

    func names() throws -> [String] {
        let pool = try pool()
        try refresh(pool)
        return try pool.volumeNames()
    }

    func size(of disk: OverlayDisk) -> UInt64? {
        (try? volume(of: disk))?.document.first("allocation").flatMap { UInt64($0.text) }
    }

    func stamp(of disk: OverlayDisk) -> ImageStamp? { nil }

    /// Two hosts have two clocks.
    func lead(of disk: OverlayDisk) -> Duration? { nil }

    func otherRun(of disk: OverlayDisk, than freezeState: FreezeState) -> String? { nil }

    func run(of overlay: String) -> String? { nil }

    /// As far as libvirt knows of it: one that was taken since ours, while the disk was on the overlay.
    func requireNoInternalSnapshot(in disk: OverlayDisk, _ freezeState: FreezeState, of domain: Domain?) throws {
        guard let domain, let count = try domain.internalSnapshotCount(after: freezeState.snapshot), count > 0 else {
            return
        }
        let name = shellQuoted(domain.name)
        throw disk.doubt(
            "somebody took \(count == 1 ? "an internal snapshot" : "\(count) internal snapshots") of the VM since, which is "
                + "in its overlay and would be deleted with it; when it is not needed any more, delete it "
                + "(virsh snapshot-list \(name); virsh snapshot-delete \(name) SNAPSHOT), then: stillpoint recover")
    }

    func isInUse(_ disk: OverlayDisk) -> Bool { false }

    func isContained(_ disk: OverlayDisk, within limit: Duration) -> Bool { false }

    func smallBaseReason(of disk: OverlayDisk) -> String? { nil }

    /// What the images themselves say is not read: their paths are another host's.
    func chains(of next: DomainDescription) -> [DiskChain] { next.chains }

    /// `7/81230000000`: the domain's number, and the processor time that its QEMU has used, in nanoseconds.
    func start(of domain: Domain, _ live: DomainDescription) -> String? {
        guard let number = live.number, let used = try? domain.processorTime() else { return nil }
        return "\(number)/\(used)"
    }

    /// libvirt gives each start a number of its own, which a libvirtd that is started anew continues behind those of the
    /// domains that run; after a start of its host they begin anew, and so does the processor time.
    func isSameProcess(_ domain: Domain, _ live: DomainDescription, as freezeState: FreezeState) -> Bool {
        let parts = freezeState.start?.split(separator: "/") ?? []
        guard parts.count == 2, let before = UInt64(parts[1]), let number = live.number, number == parts[0],
            let used = try? domain.processorTime()
        else { return false }
        return used >= before
    }

    func profile(refusing error: LibvirtError, domain uuid: String) -> AppArmorProfile? { nil }

    // MARK: committing and deleting

    func touch(_ overlays: [String]) {}

    /// Where the overlays hold nothing that their bases lack, the definition gets its bases back. Nothing else can be
    /// done: libvirt commits for a QEMU that runs, and qemu-img cannot be run through it.
    func release(_ items: [OfflineCommit.Item], _ state: DomainState, by commit: OfflineCommit) async throws -> [String]
    {
        let needed = try await blocking("reading the overlays", within: Self.limit) {
            try items.filter { try !$0.isCommitted && ($0.isOrphan || content(of: $0.disk) != .unwritten) }
        }
        guard needed.isEmpty else {
            let reasons = needed.map { obstacle($0, commit.domain, state) }
            throw HypervisorError(.changed, reasons.joined(separator: "; "), remedy: .stop)
        }
        guard let domain = commit.domain else { return [] }
        return try await blocking("putting the bases back into the definition", within: .seconds(60)) {
            _ = try connection.define(domain, on: BaseDefinition(disks: items.map(\.disk)))
            return []
        }
    }

    private func obstacle(_ item: OfflineCommit.Item, _ domain: Domain?, _ state: DomainState) -> String {
        let (disk, overlay) = (item.disk, shellQuoted(item.disk.overlay))
        let commit = "qemu-img commit -d -f qcow2 \(overlay)"
        let reason: String
        if let above = item.above {
            reason = "\(above), which somebody made, lies over its overlay, and the VM does not run; start it"
        } else if let domain, !item.isOrphan {
            let name = shellQuoted(domain.name)
            let start = state == .saved ? "virsh start \(name) (it was saved)" : "virsh start \(name)"
            reason =
                "the VM is off, and only its QEMU, or qemu-img there, can commit its overlay; start it: \(start); or while it "
                + "stays off: \(commit), put \(disk.base) into its definition (virsh edit \(name)), rm \(overlay)"
        } else {
            let gone = domain == nil ? "the VM was undefined" : "the disk was detached"
            reason =
                "\(gone), and its overlay can be committed by qemu-img there alone; if nobody has either image: "
                + "\(commit) && rm \(overlay)"
        }
        return disk.doubt("\(reason); then: stillpoint recover").message
    }

    func remove(_ disk: OverlayDisk) throws {
        do {
            guard let (volume, document) = try volume(of: disk) else { return }
            guard document.first("target", "path")?.text == disk.overlay else {
                throw HypervisorError(
                    .changed, "the volume of the overlay \(disk.overlay) is another file; it was not touched",
                    remedy: .stop)
            }
            try volume.delete()
        } catch let error as LibvirtError {
            throw HypervisorError(
                .overlay, "cannot delete the overlay \(disk.overlay)", remedy: .retry, cause: error)
        }
    }
}
