public import Support

/// Whether other hosts can reach a file of this one.
public enum SharedStorage {
    /// File systems whose files several hosts have at the same time.
    private static let types: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.ceph", "fuse.glusterfs", "glusterfs", "fuse.sshfs", "9p",
        "virtiofs",
        "ocfs2", "gfs2", "lustre", "afs", "fuse.mfs", "beegfs", "gpfs",
    ]

    /// Why they can, in words; nil: they cannot.
    /// - Parameter root: below which the lists of exports are.
    /// - Throws: StorageError where that cannot be seen.
    public static func reason(
        _ path: String, roots: SystemRoots = SystemRoots(), root: String = ""
    ) throws(StorageError) -> String? {
        let real = (try? FileAccess.realPath(path)) ?? path
        if let mount = try MountTable.read(roots: roots).mount(containing: real), types.contains(mount.fileSystemType) {
            return "it lies on \(mount.fileSystemType) (\(printable(mount.source)))"
        }
        let exports = NFSExports(root: root).folders
        guard let folder = exports.first(where: { FileAccess.isPath(real, within: $0) }) else { return nil }
        return "this host exports \(printable(folder)) by NFS"
    }
}
