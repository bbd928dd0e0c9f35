internal import Glibc
internal import Support
internal import SystemPackage

extension RunHistory {
    /// Bytes of one day that are read at once.
    private static let mostAtOnce: Int64 = 64 << 20
    /// A line that was written a moment ago may be on its way still: ext4 shows a part of a write.
    private static let settlingSeconds = 2

    /// What a day's file holds now, in bytes; nil where that cannot be told.
    package func size(of day: String) -> Int64? {
        (try? Folder(reaching: folder).status(of: "\(day).tsv")).map { Int64($0.st_size) }
    }

    /// The entries that a day's file has beyond a place, and the place up to which it was read: as `entries(on:)`.
    /// - Parameter offset: in bytes, as an earlier call gave it.
    package func entries(on day: String, from offset: Int64) -> (entries: [HistoryEntry], end: Int64) {
        var (entries, place) = ([HistoryEntry](), offset)
        guard let file = try? Folder(reaching: folder).file("\(day).tsv") else { return ([], offset) }
        defer { try? file.close() }
        let size = Self.settledSize(of: file)
        while place < size {
            let count = Int(min(Self.mostAtOnce, size - place))
            guard place >= 0, var bytes = try? file.bytes(at: UInt64(place), count: count), !bytes.isEmpty else {
                break
            }
            // What is behind the last end of line is whole where the file ends.
            if place + Int64(bytes.count) < size, let last = bytes.lastIndex(of: UInt8(ascii: "\n")), last > 0 {
                bytes.removeSubrange(last...)
            }
            entries += bytes.split(separator: UInt8(ascii: "\n")).compactMap { HistoryLine.entry($0) }
            place += Int64(bytes.count)
        }
        return (entries, place)
    }

    private static func settledSize(of file: FileDescriptor) -> Int64 {
        var size: Int64 = 0
        for _ in 0..<50 {
            guard let status = try? file.status() else { break }
            let isOld = time(nil) - status.st_mtim.tv_sec > settlingSeconds
            let isSame = Int64(status.st_size) == size
            size = Int64(status.st_size)
            if isOld || isSame { break }
            usleep(20_000)
        }
        return size
    }
}
