/// The head of a file of libvirt's save image format, which `virsh save` and memory snapshots make.
///
/// 92 bytes in the host's byte order, then `dataLength` bytes: the domain's XML and a NUL, then, if there is one, a
/// cookie of libvirt's own and a NUL, then zeros (libvirt: src/qemu/qemu_saveimage.h, virQEMUSaveHeader).
struct SaveImageHeader: Sendable, Equatable {
    /// What libvirt begins a file with: it writes `whole` over `incomplete` when all of the RAM is there.
    enum Magic: String, Sendable {
        case whole = "LibvirtQemudSave"
        case incomplete = "LibvirtQemudPart"

        init?(_ bytes: [UInt8]) {
            self.init(rawValue: String(decoding: bytes.prefix(16), as: UTF8.self))
        }
    }

    static let length = 92
    /// Far more than any domain's XML: a damaged length must not make us read gigabytes.
    static let mostData = 64 << 20
    private static let version: UInt32 = 2
    private static let dataLengthOffset = 20
    private static let cookieOffsetOffset = 32

    private var bytes: [UInt8]
    let magic: Magic
    let dataLength: Int
    /// Where in the data the cookie begins; 0: there is none.
    let cookieOffset: Int

    /// - Throws: SaveImageDamage where libvirt would refuse the file, or read beyond it.
    init(_ bytes: [UInt8]) throws(SaveImageDamage) {
        guard let magic = Magic(bytes) else { throw SaveImageDamage("it is no save image") }
        guard bytes.count >= Self.length else { throw SaveImageDamage("it ends within its head") }
        let version = Self.number(at: 16, of: bytes)
        guard version != Self.version.byteSwapped else {
            throw SaveImageDamage("it was written by a host of the other byte order")
        }
        guard version == Self.version else { throw SaveImageDamage("its format version \(version) is unknown") }
        let dataLength = Int(Self.number(at: Self.dataLengthOffset, of: bytes))
        let cookieOffset = Int(Self.number(at: Self.cookieOffsetOffset, of: bytes))
        guard (1...Self.mostData).contains(dataLength) else {
            throw SaveImageDamage("its head says that the XML has \(dataLength) bytes")
        }
        guard cookieOffset < dataLength else { throw SaveImageDamage("its cookie is said to lie beyond its XML") }
        self.bytes = Array(bytes.prefix(Self.length))
        self.magic = magic
        self.dataLength = dataLength
        self.cookieOffset = cookieOffset
    }

    /// The bytes of the head with another place for the cookie.
    func bytes(cookieOffset: Int) -> [UInt8] {
        var result = bytes
        withUnsafeBytes(of: UInt32(cookieOffset)) {
            result.replaceSubrange(Self.field(Self.cookieOffsetOffset), with: $0)
        }
        return result
    }

    private static func number(at offset: Int, of bytes: [UInt8]) -> UInt32 {
        bytes[field(offset)].withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    }

    private static func field(_ offset: Int) -> Range<Int> {
        offset..<offset + MemoryLayout<UInt32>.size
    }
}

/// What is wrong with a save image, as the end of a sentence about it.
struct SaveImageDamage: Error {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}
