import Glibc
internal import Support
import SystemPackage

/// How much room a file system has.
public enum FreeSpace {
    /// The room on the file system that holds `path`: for an ordinary user, and in all; both in bytes.
    ///
    /// On ZFS both figures follow the pool's free space and the dataset's quota.
    public static func available(
        at path: String
    ) throws(StorageError) -> (availableBytes: UInt64, totalBytes: UInt64) {
        var status = statvfs()
        while statvfs(path, &status) != 0 {
            let cause = Errno(rawValue: errno)
            if cause == .interrupted { continue }
            let code: StorageError.Code = cause == .noSuchFileOrDirectory ? .notFound : .unreadable
            throw StorageError(
                code, "the free space at '\(printable(path))' cannot be read; check the path", cause: cause)
        }
        let unit = UInt64(status.f_frsize)
        return (bytes(UInt64(status.f_bavail), unit), bytes(UInt64(status.f_blocks), unit))
    }

    /// The room in bytes that one may fill: a tenth of the file system stays free for what else is written there.
    public static func fillable(at path: String) throws(StorageError) -> UInt64 {
        let (available, total) = try available(at: path)
        return available - min(available, total / 10)
    }

    private static func bytes(_ blocks: UInt64, _ unit: UInt64) -> UInt64 {
        let (product, overflow) = blocks.multipliedReportingOverflow(by: unit)
        return overflow ? .max : product
    }
}
