internal import Glibc
internal import Hypervisor
internal import Support
internal import SystemPackage

/// A file that holds a guest's RAM: libvirt's save image.
///
/// virDomainSaveImageDefineXML would change its XML, but refuses another UUID; so a clone's is written here.
struct SaveImage: Sendable {
    enum State: Sendable, Equatable {
        case whole
        /// libvirt is at work on it, or was interrupted.
        case incomplete
        case notASaveImage
    }

    let path: String
    let state: State
    /// The domain's XML as it was when the RAM was dumped.
    let xml: String
    private let head: SaveImageHeader
    private let cookie: [UInt8]?

    /// What kind of file it is; a save image's head is checked.
    /// - Throws: HypervisorError when it cannot be read, or has a save image's first bytes and a damaged head.
    static func state(of path: String) throws -> State {
        let file = try open(path, .readOnly)
        defer { try? file.close() }
        guard SaveImageHeader.Magic(try read(file, from: 0, count: SaveImageHeader.length, path)) != nil else {
            return .notASaveImage
        }
        return try SaveImage(path: path).state
    }

    /// Whether libvirt wrote it to its end.
    /// - Throws: as `state(of:)`.
    static func isWhole(_ path: String) throws -> Bool {
        try state(of: path) == .whole
    }

    /// Reads head, XML and cookie.
    init(path: String) throws {
        let file = try Self.open(path, .readOnly)
        defer { try? file.close() }
        do {
            let head = try SaveImageHeader(try Self.read(file, from: 0, count: SaveImageHeader.length, path))
            let data = try Self.read(file, from: SaveImageHeader.length, count: head.dataLength, path)
            guard data.count == head.dataLength else { throw SaveImageDamage("it ends within its XML") }
            let split = head.cookieOffset == 0 ? data.count : head.cookieOffset
            guard let end = data[..<split].firstIndex(of: 0) else {
                throw SaveImageDamage("its XML has no end")
            }
            guard let xml = String(validating: data[..<end], as: UTF8.self) else {
                throw SaveImageDamage("its XML is no UTF-8")
            }
            cookie = try head.cookieOffset == 0 ? nil : Self.cookie(data[split...])
            self.xml = xml
            self.head = head
        } catch let damage as SaveImageDamage {
            throw HypervisorError(
                .badDump, "the RAM dump \(path) cannot be used: \(damage.reason)", remedy: .stop)
        }
        self.path = path
        state = head.magic == .whole ? .whole : .incomplete
    }

    private static func cookie(_ data: ArraySlice<UInt8>) throws(SaveImageDamage) -> [UInt8] {
        guard let end = data.firstIndex(of: 0) else { throw SaveImageDamage("its cookie has no end") }
        return Array(data[..<end])
    }

    /// Puts another XML in the place of the one it has; the RAM is not moved, so that it must fit where the old one and
    /// its padding are (libvirt leaves 64 KiB).
    func replaceXML(with xml: String) throws {
        var data = Array(xml.utf8) + [0]
        let cookieOffset = cookie == nil ? 0 : data.count
        if let cookie { data += cookie + [0] }
        guard data.count <= head.dataLength else {
            throw HypervisorError(
                .badDump,
                "the new definition does not fit into the RAM dump \(path): it has \(data.count) bytes, and there is room "
                    + "for \(head.dataLength); use shorter paths or a shorter name",
                remedy: .stop)
        }
        data += [UInt8](repeating: 0, count: head.dataLength - data.count)
        let file = try Self.open(path, .readWrite)
        do {
            try file.closeAfter {
                try file.writeAll(toAbsoluteOffset: 0, head.bytes(cookieOffset: cookieOffset) + data)
                try file.sync()
            }
        } catch {
            throw HypervisorError(.badDump, "the RAM dump \(path) cannot be written", remedy: .stop, cause: error)
        }
    }
}

extension SaveImage {
    private static func open(_ path: String, _ mode: FileDescriptor.AccessMode) throws -> FileDescriptor {
        do {
            // Not blocking: a FIFO in a dump's place must not hold anything up.
            return try FileDescriptor.open(FilePath(path), mode, options: [.closeOnExec, .nonBlocking])
        } catch {
            throw HypervisorError(
                .badDump, "the RAM dump \(path) cannot be opened; check path and mode", remedy: .stop, cause: error)
        }
    }

    /// `count` bytes, fewer at the end of the file.
    private static func read(_ file: FileDescriptor, from offset: Int, count: Int, _ path: String) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        do {
            while filled < count {
                let some = try bytes.withUnsafeMutableBytes { buffer in
                    try file.read(
                        fromAbsoluteOffset: Int64(offset + filled),
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
                }
                if some == 0 { break }
                filled += some
            }
        } catch {
            throw HypervisorError(.badDump, "the RAM dump \(path) cannot be read", remedy: .stop, cause: error)
        }
        return Array(bytes[..<filled])
    }
}

extension HypervisorError.Code {
    /// A file of RAM is incomplete, damaged or none.
    static let badDump = HypervisorError.Code("bad RAM dump")
}
