/// Takes a qcow2 header apart, with the bounds of QEMU's block/qcow2.c and block/qcow2.h.
struct ImageHeaderReader {
    static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]
    static let dirty: UInt64 = 1 << 0
    static let corrupt: UInt64 = 1 << 1
    static let dataFile: UInt64 = 1 << 2
    private static let compressionType: UInt64 = 1 << 3
    private static let subclusters: UInt64 = 1 << 4
    private static let known = dirty | corrupt | dataFile | compressionType | subclusters

    /// QCOW_MAX_L1_SIZE, QCOW_MAX_REFTABLE_SIZE, QCOW_MAX_SNAPSHOTS.
    private static let largestFirstTable: UInt64 = 32 << 20
    private static let largestReferenceTable: UInt64 = 8 << 20
    private static let mostSnapshots: UInt64 = 65536

    let bytes: [UInt8]
    private(set) var version = 0
    private(set) var virtualSize: UInt64 = 0
    private(set) var clusterBits = 0
    private(set) var encryption: UInt64 = 0
    private(set) var features: UInt64 = 0
    private(set) var snapshotCount = 0
    private(set) var firstTable: Range<UInt64> = 0..<0
    private(set) var referenceTable: Range<UInt64> = 0..<0
    private(set) var backingName: String?
    private(set) var backingFormat: String?
    private(set) var namesDataFile = false

    private var clusterSize: Int { 1 << clusterBits }

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func read() throws(StorageError) {
        guard bytes.starts(with: Self.magic) else { throw StorageError(.otherFormat, "it is no qcow2 image") }
        guard bytes.count >= 72 else { throw StorageError(.cutOff, "its header is cut off") }
        version = Int(integer(at: 4, 4))
        try require(version == 2 || version == 3, "it is of version \(version), which is not known")
        virtualSize = integer(at: 24, 8)
        try require(virtualSize <= UInt64(Int64.max), "its size is impossible")
        clusterBits = Int(integer(at: 20, 4))
        try require((9...21).contains(clusterBits), "its cluster size is impossible")
        encryption = integer(at: 32, 4)
        try require(encryption <= 2, "it is encrypted in a way that is not known")
        let headerEnd = try readFeatures()
        try readTables()
        try readBacking(headerEnd)
    }

    /// - Returns: where the header's extensions begin.
    private mutating func readFeatures() throws(StorageError) -> Int {
        guard version == 3 else { return 72 }
        guard bytes.count >= 104 else { throw StorageError(.cutOff, "its header is cut off") }
        features = integer(at: 72, 8)
        let unknown = features & ~Self.known
        try require(unknown == 0, "it has features that are not known (0x\(String(unknown, radix: 16)))")
        try require(integer(at: 96, 4) <= 6, "its reference counts are impossible")
        let length = Int(integer(at: 100, 4))
        try require(length >= 104 && length % 8 == 0 && length <= clusterSize, "its header's length is impossible")
        try requireBytes(upTo: length)
        let compression = length > 104 ? bytes[104] : 0
        try require(
            compression <= 1 && (compression != 0) == (features & Self.compressionType != 0),
            "it is compressed in a way that is not known")
        try require(features & Self.subclusters == 0 || clusterBits >= 14, "its subclusters are impossible")
        return length
    }

    private mutating func readTables() throws(StorageError) {
        referenceTable = try table(at: 48, length: integer(at: 56, 4) << clusterBits, Self.largestReferenceTable)
        try require(!referenceTable.isEmpty, "it has no reference counts")
        let firstEntries = integer(at: 36, 4)
        firstTable = try table(at: 40, length: firstEntries * 8, Self.largestFirstTable)
        // An entry of the first table stands for a cluster full of entries of the second, of 8 or 16 bytes each.
        let bits = clusterBits * 2 - (features & Self.subclusters == 0 ? 3 : 4)
        let needed = virtualSize >> bits + (virtualSize & (1 << bits - 1) == 0 ? 0 : 1)
        try require(firstEntries >= needed, "its first table is too small for its size")
        let snapshots = integer(at: 60, 4)
        try require(snapshots <= Self.mostSnapshots, "it has too many internal snapshots")
        snapshotCount = Int(snapshots)
        // Each takes 40 bytes at least.
        _ = try table(at: 64, length: snapshots * 40, Self.mostSnapshots * 40)
    }

    private func table(at place: Int, length: UInt64, _ limit: UInt64) throws(StorageError) -> Range<UInt64> {
        let offset = integer(at: place, 8)
        try require(length <= limit, "a table of its is longer than QEMU would have it")
        guard length > 0 else { return 0..<0 }
        try require(
            offset > 0 && offset & (1 << UInt64(clusterBits) - 1) == 0 && offset <= UInt64(Int64.max) - length,
            "a table of its lies at an impossible place")
        return offset..<(offset + length)
    }

    private mutating func readBacking(_ headerEnd: Int) throws(StorageError) {
        let (offset, length) = (integer(at: 8, 8), integer(at: 16, 4))
        guard offset != 0 else { return try readExtensions(headerEnd..<clusterSize) }
        try require(
            offset >= UInt64(headerEnd) && offset <= UInt64(clusterSize) && length <= 1023
                && offset + length <= UInt64(clusterSize), "it names its backing file at an impossible place")
        let start = Int(offset)
        try readExtensions(headerEnd..<start)
        let end = start + Int(length)
        try requireBytes(upTo: end)
        guard length > 0 else { return }
        guard let name = String(validating: bytes[start..<end], as: UTF8.self), !name.utf8.contains(0) else {
            throw StorageError(.badImage, "the name of its backing file is no text")
        }
        backingName = name
    }

    /// Type, length and data, filled up to eight bytes each.
    private mutating func readExtensions(_ area: Range<Int>) throws(StorageError) {
        var place = area.lowerBound
        while place + 8 <= area.upperBound {
            try requireBytes(upTo: place + 8)
            let (type, length) = (integer(at: place, 4), Int(integer(at: place + 4, 4)))
            if type == 0 { return }
            let (start, end) = (place + 8, place + 8 + length)
            try require(end <= area.upperBound, "an extension of its header is too long")
            try requireBytes(upTo: end)
            switch type {
            case 0xE279_2ACA: try takeFormat(bytes[start..<end])
            case 0x4441_5441: namesDataFile = true
            default: break
            }
            place = (end + 7) / 8 * 8
        }
    }

    private mutating func takeFormat(_ name: ArraySlice<UInt8>) throws(StorageError) {
        // BlockDriverState.backing_format holds 15 characters.
        let isName = (1...15).contains(name.count) && name.allSatisfy(Self.isPartOfFormat)
        try require(isName && backingFormat == nil, "the format of its backing file is impossible")
        backingFormat = String(decoding: name, as: UTF8.self)
    }

    static func isPartOfFormat(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    private func require(_ isRight: Bool, _ problem: @autoclosure () -> String) throws(StorageError) {
        if !isRight { throw StorageError(.badImage, problem()) }
    }

    private func requireBytes(upTo end: Int) throws(StorageError) {
        try require(end <= ImageHeader.longest, "its header is longer than \(ImageHeader.longest) bytes")
        guard end <= bytes.count else { throw StorageError(.cutOff, "its header is cut off") }
    }

    private func integer(at place: Int, _ length: Int) -> UInt64 {
        bytes[place..<(place + length)].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
