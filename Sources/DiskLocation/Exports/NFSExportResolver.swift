internal import Support
public import ZFS

/// Finds the dataset behind a folder that another machine has mounted from this host over NFS.
///
/// A path of NFS 4 may begin at a pseudo root (`fsid=0` in exports(5)); that of another server than the kernel's
/// (NFS-Ganesha's `Pseudo`) is not known here: then the configuration names the dataset.
public struct NFSExportResolver: Sendable {
    private let mounts: MountTable
    private let exports: NFSExports
    private let identity: HostIdentity

    /// Reads this host's names, addresses and exports.
    public init(mounts: MountTable) {
        self.init(mounts: mounts, identity: .ofThisHost(), root: "")
    }

    init(mounts: MountTable, identity: HostIdentity, root: String) {
        self.mounts = mounts
        self.identity = identity
        exports = NFSExports(root: root)
    }

    /// The dataset that holds an exported folder; none when the server is not this host or the folder is not on ZFS.
    ///
    /// Datasets below it are none of it: the client sees them as mounts of their own, or not at all. May wait for a name
    /// server, two seconds in all.
    ///
    /// - Parameters:
    ///   - hosts: the server's names and addresses, as the client knows them; several in one text have commas between.
    ///   - path: the folder as the client knows it.
    public func datasets(hosts: [String], path: String) -> [DatasetName] {
        guard path.hasPrefix("/"), isThisHost(hosts) else { return [] }
        return Set(exports.candidates(for: path).compactMap(dataset)).sorted()
    }

    /// Whether a server is this host, as far as its names and addresses tell.
    public func isThisHost(_ hosts: [String]) -> Bool {
        hosts.contains { $0.split { $0 == "," || $0 == " " }.contains { identity.isThisHost(String($0)) } }
    }

    private func dataset(holding path: String) -> DatasetName? {
        // Following links below a mount of a dead server would hang; nobody exports such a folder to a hypervisor.
        if let mount = mounts.mount(containing: path), Self.isRemote(mount.fileSystemType) { return nil }
        guard let resolved = try? FileAccess.realPath(path) else { return nil }
        return mounts.mount(containing: resolved)?.dataset
    }

    private static func isRemote(_ type: String) -> Bool {
        ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "autofs", "fuse.sshfs", "fuse.glusterfs"].contains(type)
    }
}
