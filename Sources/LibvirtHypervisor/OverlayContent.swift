internal import Hypervisor
internal import Storage
internal import SystemPackage

/// What an overlay file holds, from its qcow2 header and its first table (QEMU's docs/interop/qcow2.txt).
enum OverlayContent: Sendable, Equatable {
    case missing
    /// Shorter than a header, or none: qemu-img was killed while it made it.
    case unfinished
    /// Nobody ever wrote to it: each cluster is read from the base.
    case unwritten
    case written

    private static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]

    /// Reads the file's head.
    /// - Throws: HypervisorError `.overlay` when it cannot be read.
    static func read(_ path: String) throws -> OverlayContent {
        do {
            let file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
            return try file.closeAfter { try read(file) }
        } catch Errno.noSuchFileOrDirectory {
            return .missing
        } catch {
            throw HypervisorError(.overlay, "cannot read the overlay \(path)", remedy: .retry, cause: error)
        }
    }

    private static func read(_ file: FileDescriptor) throws -> OverlayContent {
        let header = try bytes(of: file, at: 0, count: 48)
        guard header.count == 48, header.starts(with: magic) else { return .unfinished }
        var offset = Int64(truncatingIfNeeded: integer(header[40..<48]))
        var left = Int(integer(header[36..<40])) * 8
        guard offset > 0, left > 0 else { return .unfinished }
        // An entry of the first table is zero as long as nothing below it was allocated.
        while left > 0 {
            let part = try bytes(of: file, at: offset, count: min(left, 1 << 16))
            guard !part.isEmpty else { return .unfinished }
            if part.contains(where: { $0 != 0 }) { return .written }
            offset += Int64(part.count)
            left -= part.count
        }
        return .unwritten
    }

    /// The format that a qcow2 image says the one below it has; nil where it says none.
    /// - Throws: Errno.
    static func backingFormat(of path: String) throws -> String? {
        let head = try FileAccess.read(path, limit: 1 << 16)
        guard head.count >= 104, head.starts(with: magic) else { return nil }
        // The header extensions: type, length and data, filled up to eight bytes each.
        var place = integer(head[4..<8]) == 2 ? 72 : Int(truncatingIfNeeded: integer(head[100..<104]))
        while place >= 72, place + 8 <= head.count {
            let type = integer(head[place..<(place + 4)])
            let end = place + 8 + Int(integer(head[(place + 4)..<(place + 8)]))
            guard type != 0, end <= head.count else { return nil }
            if type == 0xE279_2ACA { return String(decoding: head[(place + 8)..<end], as: UTF8.self) }
            place = (end + 7) / 8 * 8
        }
        return nil
    }

    private static func bytes(of file: FileDescriptor, at offset: Int64, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let got = try file.read(fromAbsoluteOffset: offset + Int64(filled), into: rest)
                if got == 0 { break }
                filled += got
            }
        }
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
