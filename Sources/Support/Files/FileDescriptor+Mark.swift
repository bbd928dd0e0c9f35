internal import CLinux
internal import Glibc
public import SystemPackage

/// Marks on files that nobody but root can set, change or take away, whoever owns the file: extended attributes of the
/// kernel's `trusted` class (xattr(7)).
extension FileDescriptor {
    /// Sets a mark of at most some hundred bytes.
    /// - Returns: false where the file system, or what this process may do, has none.
    @discardableResult
    public func setMark(_ text: String, named name: String) -> Bool {
        let bytes = Array(text.utf8)
        return fsetxattr(rawValue, "trusted." + name, bytes, bytes.count, 0) == 0
    }

    /// The text of a mark; nil where there is none.
    public func mark(named name: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = fgetxattr(rawValue, "trusted." + name, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }
}
