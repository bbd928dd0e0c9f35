internal import CLinux

extension FileAccess {
    /// An extended attribute (xattr(7)) of what a path leads to, of at most 4 KiB; nil: it has none, or it cannot be read.
    package static func attribute(_ name: String, of path: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = getxattr(path, name, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes.prefix(count))
    }
}
