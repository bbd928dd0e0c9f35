internal import DiskLocation
internal import Hypervisor
internal import Support

/// The images of a held disk that no QEMU has open: found, and their headers read, before qemu-img is told of them.
///
/// Overlay and base were QEMU's to write. So both are taken for what was recorded of them at the freeze, and where a header
/// says anything else, or leads anywhere else, nothing is done.
struct OfflineImages: Sendable {
    private let disk: OverlayDisk
    let overlay: ImageFile
    /// The base and all below it.
    private let lower: [ConfinedQEMUImg.Layer]
    private let virtualSize: UInt64

    /// - Throws: HypervisorError `.changed`, remedy `.stop`, where a header says more than it should; StorageError.
    init(_ disk: OverlayDisk) throws {
        try self.init(disk, overlay: ImageFile(disk.overlay, followingLinks: false))
    }

    /// - Parameter overlay: found before.
    init(_ disk: OverlayDisk, overlay: ImageFile) throws {
        let header = try Self.header(of: overlay, disk)
        if let reason = header.obstacle(disk, at: overlay.path) { throw disk.doubt(reason) }
        self.disk = disk
        self.overlay = overlay
        virtualSize = header.virtualSize
        let base = ImageChain.Layer(path: disk.base, format: disk.baseFormat)
        var lower: [ConfinedQEMUImg.Layer] = []
        var rest = ArraySlice([base] + Self.layersBelow(disk))
        while let layer = rest.popFirst() {
            guard let format = layer.format else {
                throw disk.doubt(
                    "nothing tells the format of \(layer.path), which lies below \(disk.base); where that is known: "
                        + "qemu-img rebase -u -F FORMAT -b \(layer.path) IMAGE-ABOVE-IT")
            }
            let image = try ImageFile(layer.path)
            lower.append(ConfinedQEMUImg.Layer(image, format: format))
            guard format == "qcow2" else { break }
            let header = try Self.header(of: image, disk)
            if header.hasDataFile { throw disk.doubt("the header of \(layer.path) names a data file") }
            if header.isCorrupt { throw disk.doubt("\(layer.path) is marked corrupt; check it with: qemu-img check") }
            guard (header.backing == nil) == rest.isEmpty else {
                throw disk.doubt(
                    "what lies below \(layer.path) is not known (its header says \(header.backing?.name ?? "nothing")); "
                        + "QEMU knows: start the VM, then: stillpoint recover")
            }
        }
        self.lower = lower
    }

    private static func header(of image: ImageFile, _ disk: OverlayDisk) throws -> ImageHeader {
        do {
            return try ImageHeader.read(image)
        } catch {
            guard error.code != .notFound, error.code != .unreadable else { throw error }
            throw disk.doubt("\(error)")
        }
    }

    /// As the running domain's definition named them; where that was not recorded, what it named then, or what the
    /// headers say within `ImageChain`'s rules.
    private static func layersBelow(_ disk: OverlayDisk) -> [ImageChain.Layer] {
        guard disk.baseFormat == "qcow2" else { return [] }
        if let below = disk.below { return below }
        if let kept = disk.keptDisk.map({ DomainDisk($0) { _, _ in "" } }), let below = kept.layersBelow, !below.isEmpty
        {
            return below
        }
        return ImageChain.layers(below: disk.base, format: disk.baseFormat)
    }

    /// The base that qemu-img would write to, as it is now.
    var baseStamp: ImageStamp? { lower.first.flatMap { ImageStamp.read(ConfinedQEMUImg.name(of: $0.image)) } }

    // MARK: what is done with them

    /// Writes into the base what the overlay holds.
    func commit(within limit: Duration) async throws {
        // A base with internal snapshots may get a copy of each of its clusters.
        let size = (lower.first?.image.size ?? 0).addingReportingOverflow(virtualSize + virtualSize / 16 + (64 << 20))
        // Not emptied (-d): that would only be more to write.
        try await QEMUImg.run(
            ["commit", "-q", "-d", try ConfinedQEMUImg.chain([layer] + lower)],
            [Confinement.Grant(overlay, isWritable: true)]
                + lower.enumerated().map { Confinement.Grant($1.image, isWritable: $0 == 0) },
            within: limit, fileSize: size.overflow ? .max : size.partialValue)
    }

    /// Whether a guest would read the same from the base as from the overlay.
    func areAlike(within limit: Duration) async throws -> Bool {
        let arguments = [
            "compare", "-q", try ConfinedQEMUImg.chain([layer] + lower), try ConfinedQEMUImg.chain(lower),
        ]
        let images = ([layer] + lower).map { Confinement.Grant($0.image) }
        return (try? await QEMUImg.run(arguments, images, within: limit, fileSize: 1 << 20)) != nil
    }

    private var layer: ConfinedQEMUImg.Layer { ConfinedQEMUImg.Layer(overlay, format: "qcow2") }
}

extension ImageHeader {
    /// Why an overlay with this header is not as it was made; nil where it is.
    func obstacle(_ disk: OverlayDisk, at path: String) -> String? {
        if hasDataFile { return "its overlay's header names a data file" }
        if isEncrypted { return "its overlay is encrypted" }
        if isCorrupt { return "its overlay is marked corrupt; check it with: qemu-img check" }
        if snapshotCount > 0 { return "its overlay has internal snapshots" }
        guard let backing, backing.name == disk.base else {
            return "below its overlay is \(backing?.name ?? "no image")"
        }
        guard backing.format == disk.baseFormat else {
            return "its overlay's header calls \(disk.base) \(backing.format ?? "of no format"), and it is "
                + disk.baseFormat
        }
        return nil
    }
}
