internal import SystemPackage

/// Replaces a file so that a power cut at any instant leaves the old or the new content, whole.
///
/// A temporary file beside it, fsync, rename, fsync of the directory. The temporary is a new one each time: what is there of
/// that name may have a second name elsewhere, and is not written through.
package func replaceFile(at path: String, with content: [UInt8]) throws {
    hangingPoint(path)
    let (folder, name) = (try Folder(reaching: FileAccess.parent(path)), FileAccess.lastComponent(path))
    let temporary = name + ".tmp"
    let file = try folder.newFile(temporary)
    try file.closeAfter {
        try file.writeAll(content)
        try file.sync()
    }
    failurePoint()
    try folder.rename(temporary, to: name)
    try folder.sync()
    failurePoint()
}

/// Removes a file durably; fine when it is gone already.
package func removeFile(at path: String) throws {
    failurePoint()
    do {
        let folder = try Folder(reaching: FileAccess.parent(path))
        try folder.removeFile(FileAccess.lastComponent(path))
        try folder.sync()
    } catch Errno.noSuchFileOrDirectory {
        return
    }
    failurePoint()
}
