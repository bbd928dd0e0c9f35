internal import Glibc
internal import Hypervisor
internal import Storage
internal import SystemPackage

/// Why the overlay directory cannot be used for a plan; nothing has been touched.
struct OverlayDirectoryError: Error, CustomStringConvertible {
    enum Code { case missing, notWritable, onSnapshottedDataset, tooLittleRoom }

    let code: Code
    let description: String
}

/// Checks the folder that will hold the overlays, before anything is touched.
struct OverlayRoom {
    /// A qcow2 of nothing but metadata, with some writes.
    private static let leastBytesPerDisk: UInt64 = 4 << 20

    let scope: Scope
    let storage: StorageMap

    /// - Parameter disks: how many overlays will be made.
    /// - Throws: OverlayDirectoryError or StorageError.
    func check(_ directory: String, disks: Int) throws {
        var status = stat()
        guard stat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw OverlayDirectoryError(
                code: .missing,
                description: "overlay_dir \(directory) is not there; create it with: install -d -m 0711 \(directory)")
        }
        guard access(directory, W_OK | X_OK) == 0 else {
            throw OverlayDirectoryError(
                code: .notWritable, description: "overlay_dir \(directory) is not writable (\(Errno(rawValue: errno)))")
        }
        if let dataset = try storage.locate(directory).datasets.first(where: { scope.contains($0) }) {
            throw OverlayDirectoryError(
                code: .onSnapshottedDataset,
                description:
                    "overlay_dir \(directory) lies on \(dataset), which is being snapshotted; set overlay_dir to "
                    + "a folder on another dataset")
        }
        let (available, total) = try FreeSpace.available(at: directory)
        // Under a tenth the guard would end the run at once.
        let needed = max(total / 10, Self.leastBytesPerDisk * UInt64(disks))
        guard available >= needed else {
            throw OverlayDirectoryError(
                code: .tooLittleRoom,
                description: "overlay_dir \(directory) has \(available >> 20) MiB free, \(needed >> 20) MiB are needed "
                    + "(a tenth of its file system, and 4 MiB a disk); make room or set overlay_dir")
        }
    }
}
