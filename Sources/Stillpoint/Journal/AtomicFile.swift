internal import Glibc
internal import SystemPackage

/// Replaces a file so that a power cut at any instant leaves the old or the new content, whole.
///
/// A temporary file beside it, fsync, rename, fsync of the directory.
func replaceFile(at path: String, with content: [UInt8]) throws {
    let temporary = path + ".tmp"
    let file = try FileDescriptor.open(
        FilePath(temporary), .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec],
        permissions: .ownerReadWrite)
    try file.closeAfter {
        try file.writeAll(content)
        try sync(file)
    }
    failurePoint()
    guard rename(temporary, path) == 0 else { throw Errno(rawValue: errno) }
    try syncDirectory(of: path)
    failurePoint()
}

/// Removes a file durably; fine when it is gone already.
func removeFile(at path: String) throws {
    failurePoint()
    guard unlink(path) == 0 else {
        if errno == ENOENT { return }
        throw Errno(rawValue: errno)
    }
    try syncDirectory(of: path)
    failurePoint()
}

private func syncDirectory(of path: String) throws {
    let folder = FilePath(path).removingLastComponent()
    let directory = try FileDescriptor.open(folder, .readOnly, options: [.directory, .closeOnExec])
    try directory.closeAfter { try sync(directory) }
}

private func sync(_ file: FileDescriptor) throws {
    while fsync(file.rawValue) != 0 {
        guard errno == EINTR else { throw Errno(rawValue: errno) }
    }
}
