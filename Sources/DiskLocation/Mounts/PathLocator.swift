import Glibc
internal import Support

/// Leads to many files, each folder walked to once.
///
/// Images lie side by side, and on a file system in user space each part of a path costs a round trip.
///
/// The folders stay open until it is released; for that time their datasets cannot be unmounted.
public final class PathLocator {
    /// A path without symbolic links, and what lies there; no status where that is yet to be made.
    struct ResolvedPath {
        let path: String
        let status: stat?
    }

    private struct Folder {
        let path: String
        let descriptor: Int32
    }

    /// By the bytes of the path asked for, since Swift takes two spellings of an accented letter for equal.
    private var folders: [[UInt8]: Folder] = [:]

    /// Nothing is opened yet.
    public init() {}

    deinit {
        for folder in folders.values { close(folder.descriptor) }
    }

    /// - Throws: ``StorageError``: `badPath`, `notFound` where even the folder is missing, `unreadable`.
    func place(of path: String) throws(StorageError) -> ResolvedPath {
        if let place = plainPlace(of: path) { return place }
        let resolved = try PathResolution.resolve(path)
        return ResolvedPath(path: resolved, status: FileAccess.linkStatus(resolved))
    }

    /// Where what the path names is there and no link itself.
    private func plainPlace(of path: String) -> ResolvedPath? {
        let name = FileAccess.lastComponent(path)
        guard path.hasPrefix("/"), path.hasSuffix("/" + name), name != ".", name != "..",
            let folder = folder(FileAccess.parent(path))
        else { return nil }
        var status = stat()
        guard fstatat(folder.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT != S_IFLNK
        else { return nil }
        return ResolvedPath(path: folder.path == "/" ? "/" + name : folder.path + "/" + name, status: status)
    }

    private func folder(_ path: String) -> Folder? {
        let bytes = Array(path.utf8)
        if let known = folders[bytes] { return known }
        let descriptor = open(path, openPathOnly | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        // The kernel knows where it walked to (proc(5)).
        guard let real = FileAccess.linkText("/proc/self/fd/\(descriptor)"), real.hasPrefix("/") else {
            close(descriptor)
            return nil
        }
        let folder = Folder(path: real, descriptor: descriptor)
        folders[bytes] = folder
        return folder
    }
}
