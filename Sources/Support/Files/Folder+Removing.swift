internal import Glibc
public import SystemPackage

extension Folder {
    /// Removes a file, a symbolic link itself, or a folder with all in it, as far as that is on the same file system;
    /// what cannot be removed stays.
    public func remove(_ name: String) {
        var left = Self.mostEntries
        remove(name, level: 0, &left)
    }

    /// Removes a file or a symbolic link itself, where there is one.
    public func unlink(_ name: String) { unlinkat(descriptor, name, 0) }

    /// The same.
    /// - Throws: Errno, `.noSuchFileOrDirectory` where there is none.
    public func removeFile(_ name: String) throws(Errno) {
        try Self.check(name)
        guard unlinkat(descriptor, name, 0) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Removes an empty folder, where there is one.
    public func removeEmptyFolder(_ name: String) { unlinkat(descriptor, name, AT_REMOVEDIR) }

    private func remove(_ name: String, level: Int, _ left: inout Int) {
        guard left > 0, (try? Self.check(name)) != nil else { return }
        left -= 1
        if unlinkat(descriptor, name, 0) == 0 || errno == ENOENT { return }
        guard level < Self.deepestLevel, let folder = try? folder(name), folder.status?.st_dev == status?.st_dev else {
            return
        }
        for child in folder.names where left > 0 { folder.remove(child, level: level + 1, &left) }
        unlinkat(descriptor, name, AT_REMOVEDIR)
    }
}
