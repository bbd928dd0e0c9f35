public import Glibc
public import SystemPackage

extension Folder {
    /// Gives a regular file to another owner and group, where it is still the one that was checked.
    ///
    /// - Parameter path: below this folder.
    /// - Parameter inode: its number in its file system.
    /// - Parameter present: whose it must be now.
    /// - Returns: whether it changed hands.
    /// - Throws: Errno.
    public func give(
        _ path: RelativePath, inode: UInt64, from present: uid_t, to owner: uid_t, group: gid_t
    ) throws(Errno) -> Bool {
        let file = try descriptor(of: path.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_ino == inode,
            status.st_uid == present
        else { return false }
        guard fchown(file, owner, group) == 0 else { throw Errno(rawValue: errno) }
        return true
    }
}
