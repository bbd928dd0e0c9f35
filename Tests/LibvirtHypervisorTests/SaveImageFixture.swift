import Glibc
import TestSupport

/// A save image as libvirt writes it.
struct SaveImageFixture {
    var magic = "LibvirtQemudSave"
    var version: UInt32 = 2
    var xml = Array("<domain><name>web</name><uuid>u</uuid></domain>".utf8)
    var cookie: [UInt8]? = Array("<cookie/>".utf8)
    var padding = 256
    var ram = [UInt8](repeating: 0xAB, count: 1000)
    /// In place of the right ones.
    var dataLength: UInt32?
    var cookieOffset: UInt32?

    var data: [UInt8] {
        xml + [0] + (cookie.map { $0 + [0] } ?? []) + [UInt8](repeating: 0, count: padding)
    }

    var bytes: [UInt8] {
        let numbers: [UInt32] =
            [
                version, dataLength ?? UInt32(data.count), 1, 0,
                cookieOffset ?? (cookie == nil ? 0 : UInt32(xml.count + 1)),
            ] + [UInt32](repeating: 0, count: 14)
        return Array(magic.utf8) + numbers.flatMap { number in withUnsafeBytes(of: number) { Array($0) } } + data + ram
    }

    func write(_ scratch: ScratchFolder, _ name: String = "dump") throws -> String {
        try scratch.write(name, bytes)
    }
}
