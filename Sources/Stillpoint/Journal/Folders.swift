internal import Glibc
internal import Storage
internal import SystemPackage

/// Removes a file or a folder with all in it, following no symbolic link; what cannot be removed stays.
func removeTree(at path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else {
        unlink(path)
        return
    }
    for name in FileAccess.names(in: path) { removeTree(at: "\(path)/\(name)") }
    rmdir(path)
}

/// Makes a folder that only its owner may enter, and those above it that are missing below `root`.
///
/// A symbolic link in the way is refused: whoever may write to the dataset must not choose where root writes.
func makePrivateFolder(_ path: String, below root: String) throws {
    var made = root
    for part in path.dropFirst(root.count).split(separator: "/") {
        made += "/\(part)"
        guard mkdir(made, 0o700) != 0 else { continue }
        let problem = Errno(rawValue: errno)
        guard problem == .fileExists, let mode = ownFolderMode(made) else { throw problem }
        if mode != 0o700 { chmod(made, 0o700) }
    }
}

/// Makes the folders of a path that are missing below `root`, owner-only; those that are there stay as they are, and
/// no symbolic link is followed.
func makeFolders(_ path: String, below root: String) throws {
    var made = root
    for part in path.dropFirst(root.count).split(separator: "/") {
        made += "/\(part)"
        guard mkdir(made, 0o700) != 0 else { continue }
        let problem = Errno(rawValue: errno)
        var status = stat()
        guard problem == .fileExists, lstat(made, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw problem
        }
    }
}

/// Whether there is a folder of this process's user, and no symbolic link to one.
func isPrivateFolder(_ path: String) -> Bool { ownFolderMode(path) != nil }

/// The permissions of a folder of this process's user; nil where there is none, or a symbolic link to one.
private func ownFolderMode(_ path: String) -> mode_t? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else { return nil }
    return status.st_mode & 0o7777
}

/// Copies a file into a new one that only its owner may read; not made durable.
func copySmallFile(_ source: String, to destination: String) throws {
    let input = try FileDescriptor.open(FilePath(source), .readOnly, options: [.closeOnExec])
    try input.closeAfter {
        let output = try FileDescriptor.open(
            FilePath(destination), .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec],
            permissions: .ownerReadWrite)
        try output.closeAfter {
            var piece = [UInt8](repeating: 0, count: 256 << 10)
            while true {
                let count = try piece.withUnsafeMutableBytes { try input.read(into: $0) }
                if count == 0 { break }
                try output.writeAll(piece[..<count])
            }
        }
    }
}
