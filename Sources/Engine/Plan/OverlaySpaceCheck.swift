internal import Configuration
package import DiskLocation
package import RunState

/// Checks the folder that will hold the overlays, before anything is touched.
package struct OverlaySpaceCheck {
    /// A qcow2 of nothing but metadata, with some writes.
    private static let leastBytesPerDisk: UInt64 = 4 << 20

    package let scope: Scope
    package let storage: StorageMap

    package init(scope: Scope, storage: StorageMap) {
        self.scope = scope
        self.storage = storage
    }

    /// - Parameter disks: how many overlays will be made.
    /// - Throws: WorkFolderError or StorageError.
    package func check(_ directory: String, disks: Int) throws {
        try WorkFolder(key: .overlayDirectory, path: directory).check(scope, storage)
        let (available, total) = try FreeSpace.available(at: directory)
        // Under a tenth the watchdog would end the run at once.
        let needed = max(total / 10, Self.leastBytesPerDisk * UInt64(disks))
        guard available >= needed else {
            throw WorkFolderError(
                code: .tooLittleRoom,
                description: "overlay_dir \(directory) has \(available >> 20) MiB free, \(needed >> 20) MiB are needed "
                    + "(a tenth of its file system, and 4 MiB a disk); make room or set overlay_dir")
        }
    }
}
