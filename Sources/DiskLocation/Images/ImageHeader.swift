/// A qcow2 header (QEMU's docs/interop/qcow2.txt), read as strictly as QEMU's own block/qcow2.c, or more strictly.
///
/// An image may be written by whoever serves its guest. So a header is believed in nothing that would lead elsewhere: it
/// says what it names, and whoever reads it decides whether that may be opened.
public struct ImageHeader: Sendable, Equatable {
    /// What it says lies below the image.
    public struct Backing: Sendable, Equatable {
        /// As it is written there: a path, relative to the image's folder where it does not begin with `/`, or a name
        /// with a protocol (`json:…`, `nbd:…`).
        public let name: String
        /// `raw`, `qcow2`; nil where the header does not say.
        public let format: String?

        /// A backing file's name and format.
        public init(name: String, format: String?) {
            self.name = name
            self.format = format
        }
    }

    /// 2 or 3.
    public let version: Int
    /// What the guest sees, in bytes.
    public let virtualSize: UInt64
    /// The binary logarithm of the cluster's size.
    public let clusterBits: Int
    /// The data is encrypted: by AES, or by LUKS within the image.
    public let isEncrypted: Bool
    /// The data is in another file, which the header names, or one may be.
    public let hasDataFile: Bool
    /// It was not closed; its reference counts may be wrong, its data is not.
    public let isDirty: Bool
    /// QEMU found its tables to contradict each other.
    public let isCorrupt: Bool
    /// Internal snapshots.
    public let snapshotCount: Int
    /// Nil where it names nothing below.
    public let backing: Backing?
    /// The place of the first table in the file.
    public let firstTable: Range<UInt64>

    /// Longer headers are refused. QEMU's own have some 600 bytes and a name of at most 1023.
    public static let longest = 64 << 10

    /// Reads a header.
    ///
    /// - Parameters:
    ///   - bytes: the file's beginning, ``longest`` bytes or all that there is.
    ///   - fileSize: the file's length, where that is known.
    /// - Throws: ``StorageError``: `otherFormat` where this is no qcow2 image, `cutOff` where it, or a table that it
    ///   names, ends too early, `badImage` for all that QEMU would refuse or that is not known here.
    public init(bytes: [UInt8], fileSize: UInt64? = nil) throws(StorageError) {
        var reader = ImageHeaderReader(bytes: bytes)
        try reader.read()
        if let fileSize, reader.firstTable.upperBound > fileSize || reader.referenceTable.upperBound > fileSize {
            throw StorageError(.cutOff, "a table of its lies behind its end")
        }
        version = reader.version
        virtualSize = reader.virtualSize
        clusterBits = reader.clusterBits
        isEncrypted = reader.encryption != 0
        hasDataFile = reader.features & ImageHeaderReader.dataFile != 0 || reader.namesDataFile
        isDirty = reader.features & ImageHeaderReader.dirty != 0
        isCorrupt = reader.features & ImageHeaderReader.corrupt != 0
        snapshotCount = reader.snapshotCount
        backing = reader.backingName.map { [format = reader.backingFormat] in Backing(name: $0, format: format) }
        firstTable = reader.firstTable
    }
}
