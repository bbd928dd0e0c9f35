internal import Glibc
internal import SystemPackage

/// Removes a file or a folder with all in it, following no symbolic link; what cannot be removed stays.
///
/// For a path whose folder nobody else can change; see `Folder` for what lies elsewhere.
package func removeTree(at path: String) {
    (try? Folder(FileAccess.parent(path)))?.remove(FileAccess.lastComponent(path))
}

/// Makes the folders of a path that are missing below `root`, owner-only; those that are there stay as they are, and
/// no symbolic link is followed.
package func makeFolders(_ path: String, below root: String) throws {
    // What lies below may well be on many file systems.
    var folder = try Folder(root, crossingMounts: true)
    for part in path.dropFirst(root.count).split(separator: "/") { folder = try folder.madeFolder(String(part)) }
}
