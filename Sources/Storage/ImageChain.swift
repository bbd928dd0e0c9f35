import SystemPackage

/// What an image file says of the image below it.
public enum ImageChain {
    /// The backing file that a qcow2 image names; nil where it names none, and for every other format.
    ///
    /// A relative name is taken from the image's folder, as QEMU takes it. A name with a protocol (`json:…`,
    /// `nbd:…`) is returned as it is.
    ///
    /// - Throws: ``StorageError``: `notFound`, `unreadable`, or `badImage` for a header that contradicts itself.
    public static func backingFile(of path: String) throws(StorageError) -> String? {
        let header = try read(path, limit: headerSize)
        guard header.count == headerSize, header.starts(with: magic) else { return nil }
        let version = integer(header[4..<8])
        let offset = integer(header[8..<16])
        let size = integer(header[16..<20])
        let clusterBits = integer(header[20..<24])
        guard version >= 2, offset != 0, size != 0 else { return nil }
        // QEMU's own limits (block/qcow2.c): the name lies in the first cluster and has at most 1023 bytes.
        guard (9...21).contains(clusterBits), size <= 1023, offset >= headerSize,
            offset <= 1 << clusterBits, offset + size <= 1 << clusterBits
        else {
            throw StorageError(
                .badImage,
                "the qcow2 header of '\(printable(path))' names its backing file at an impossible place; "
                    + "look at it with qemu-img check")
        }
        let end = Int(offset) + Int(size)
        let start = try read(path, limit: end)
        guard start.count == end, let name = String(validating: start[Int(offset)...], as: UTF8.self),
            !name.utf8.contains(0)
        else {
            throw StorageError(
                .badImage,
                "the backing file's name in '\(printable(path))' is cut off or no text; "
                    + "look at it with qemu-img info")
        }
        return resolve(name, from: path)
    }

    /// Up to and with cluster_bits; every qcow2 header is longer.
    private static let headerSize = 72
    static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]

    private static func read(_ path: String, limit: Int) throws(StorageError) -> [UInt8] {
        do {
            return try FileAccess.read(path, limit: limit)
        } catch {
            let code: StorageError.Code =
                error == .noSuchFileOrDirectory || error == .notDirectory ? .notFound : .unreadable
            throw StorageError(code, "the image '\(printable(path))' cannot be read; check path and mode", cause: error)
        }
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func resolve(_ name: String, from image: String) -> String {
        if name.hasPrefix("file:") && !name.hasPrefix("file://") {
            return resolve(String(name.dropFirst(5)), from: image)
        }
        if name.hasPrefix("/") { return name }
        // QEMU's path_has_protocol: a colon before any slash.
        if let mark = name.first(where: { $0 == ":" || $0 == "/" }), mark == ":" { return name }
        guard let slash = image.lastIndex(of: "/") else { return name }
        return image[...slash] + name
    }
}

// MARK: what else a header says

extension ImageChain {
    /// What a qcow2 header says of where and how the image's data is kept (QEMU's docs/interop/qcow2.txt).
    public struct Header: Sendable, Equatable {
        /// The data is encrypted: by AES, or by LUKS within the image.
        public let isEncrypted: Bool
        /// The data is in another file, which the header names.
        public let hasDataFile: Bool

        /// A header that says this.
        public init(isEncrypted: Bool, hasDataFile: Bool) {
            self.isEncrypted = isEncrypted
            self.hasDataFile = hasDataFile
        }
    }

    /// The header of a qcow2 image; nil for every other format.
    ///
    /// - Throws: ``StorageError``: `notFound`, `unreadable`.
    public static func header(of path: String) throws(StorageError) -> Header? {
        let bytes = try read(path, limit: headerSize + 8)
        guard bytes.count >= headerSize, bytes.starts(with: magic) else { return nil }
        let hasFeatures = integer(bytes[4..<8]) >= 3 && bytes.count == headerSize + 8
        return Header(
            isEncrypted: integer(bytes[32..<36]) != 0,
            hasDataFile: hasFeatures && integer(bytes[72..<80]) & 0b100 != 0)
    }
}
