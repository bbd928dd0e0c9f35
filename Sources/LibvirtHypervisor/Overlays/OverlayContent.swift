internal import DiskLocation
internal import Hypervisor

/// What an overlay file holds, from its qcow2 header and its first table.
enum OverlayContent: Sendable, Equatable {
    case missing
    /// Shorter than a header, or none: qemu-img was killed while it made it.
    case unfinished
    /// Nobody ever wrote to it: each cluster is read from the base.
    case unwritten
    case written
    /// It is no image as qemu-img and QEMU make them: whoever has its QEMU's rights may have written that. The text says
    /// what is wrong.
    case refused(String)

    /// Reads the file's head: 64 KiB, and of its first table no more than QEMU's 32 MiB.
    /// - Throws: HypervisorError `.overlay` when it cannot be read.
    static func read(_ path: String) throws -> OverlayContent {
        do {
            let file = try ImageFile(path, followingLinks: false)
            return try read(file, header: ImageHeader.read(file))
        } catch let error as StorageError {
            switch error.code {
            case .notFound: return .missing
            case .otherFormat, .cutOff: return .unfinished
            case .badImage: return .refused(error.message)
            default: throw HypervisorError(.overlay, "cannot read the overlay \(path)", remedy: .retry, cause: error)
            }
        }
    }

    private static func read(_ file: ImageFile, header: ImageHeader) throws -> OverlayContent {
        if header.hasDataFile { return .refused("its header names a data file") }
        // As qemu-img first writes it.
        guard !header.firstTable.isEmpty else { return .unfinished }
        // An entry of the first table is zero as long as nothing below it was allocated.
        let step: UInt64 = 1 << 20
        let empty = [UInt8](repeating: 0, count: Int(min(step, UInt64(header.firstTable.count))))
        for offset in stride(from: header.firstTable.lowerBound, to: header.firstTable.upperBound, by: Int(step)) {
            let count = Int(min(step, header.firstTable.upperBound - offset))
            let part = try file.read(at: offset, count: count)
            guard part.count == count else { return .unfinished }
            if part != (count == empty.count ? empty : Array(empty.prefix(count))) { return .written }
        }
        return .unwritten
    }
}
