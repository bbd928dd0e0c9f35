internal import SystemPackage

enum SaveImage {
    static func isWhole(_ path: String) throws -> Bool {
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        return try file.closeAfter {
            var b = [UInt8](repeating: 0, count: 16); _ = try b.withUnsafeMutableBytes { try file.read(into: $0) }
            return b == Array("LibvirtQemudSave".utf8)
        }
    }
}
