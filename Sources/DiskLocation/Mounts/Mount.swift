internal import Support
public import ZFS

/// One line of `/proc/self/mountinfo`.
public struct Mount: Sendable, Equatable {
    /// The mount's number in the kernel.
    public let id: Int
    /// The number of the mount that this one lies on.
    public let parentID: Int
    /// Where it is seen.
    public let mountPoint: String
    /// The folder of the file system that is seen there; `/` unless it is a bind mount of a part.
    public let root: String
    /// The kernel's name of the type, such as `zfs` or `fuse.zfs`.
    public let fileSystemType: String
    /// What was mounted; for ZFS the dataset.
    public let source: String
    /// The number of the file system's device, `0:47`: what stat(2) says of each file on it.
    public let device: String

    /// Takes a mount's parts.
    public init(
        id: Int, parentID: Int, mountPoint: String, root: String, fileSystemType: String, source: String, device: String
    ) {
        self.id = id
        self.parentID = parentID
        self.mountPoint = mountPoint
        self.root = root
        self.fileSystemType = fileSystemType
        self.source = source
        self.device = device
    }

    /// The dataset that is mounted; nil for other file systems and for a snapshot below `.zfs`, whose source has
    /// an `@`.
    ///
    /// OpenZFS shows the type `zfs`, zfs-fuse `fuse.zfs`.
    public var dataset: DatasetName? {
        guard fileSystemType == "zfs" || fileSystemType == "fuse.zfs" else { return nil }
        return try? DatasetName(source)
    }

    /// Reads a line as proc(5) describes it; nil where it is not whole.
    init?(line: ArraySlice<UInt8>) {
        // Blanks inside a field are escaped, so an empty field (a source may be empty) is one that was written so.
        // By bytes, as everywhere here: walking over characters would take most of a hook's own time.
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard fields.count >= 9, let id = Int(Self.unescape(fields[0])), let parentID = Int(Self.unescape(fields[1]))
        else { return nil }
        // Any number of optional fields stands between the options and a lone hyphen.
        guard let hyphen = fields[6...].firstIndex(of: [UInt8(ascii: "-")]), fields.count > hyphen + 2 else {
            return nil
        }
        let mountPoint = Self.unescape(fields[4])
        guard mountPoint.hasPrefix("/") else { return nil }
        self.init(
            id: id, parentID: parentID, mountPoint: mountPoint, root: Self.unescape(fields[3]),
            fileSystemType: Self.unescape(fields[hyphen + 1]), source: Self.unescape(fields[hyphen + 2]),
            device: Self.unescape(fields[2]))
    }

    /// The kernel writes blank, tab, line feed and backslash (and `#` at times) as a backslash and three octal digits.
    private static func unescape(_ field: ArraySlice<UInt8>) -> String {
        guard field.contains(UInt8(ascii: "\\")) else { return String(decoding: field, as: UTF8.self) }
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            bytes.append(byte == UInt8(ascii: "\\") ? rest.popOctalEscape() ?? byte : byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
