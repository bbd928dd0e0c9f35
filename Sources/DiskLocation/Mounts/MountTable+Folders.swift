internal import Glibc
public import Support
public import SystemPackage
public import ZFS

extension MountTable {
    /// The folder of a dataset, where it is mounted, held open: seen to be that dataset's own, and not a folder that was put in
    /// its place, or lies below it since it was unmounted.
    /// - Returns: nil where the dataset is not mounted.
    /// - Throws: Errno, `.staleNFSFileHandle` where something else is at its mount point.
    public func folder(of dataset: DatasetName) throws(Errno) -> Folder? {
        guard let point = mountPoints(of: dataset).first,
            let mount = mounts.last(where: { $0.mountPoint == point && $0.dataset == dataset })
        else { return nil }
        let folder = try Folder(reaching: point)
        guard folder.status.map({ BlockDevices.number($0.st_dev) }) == mount.device else { throw .staleNFSFileHandle }
        return folder
    }
}
