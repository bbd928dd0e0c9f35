internal import Glibc
public import Support

extension ImageStamp {
    /// The stamp that an image has now; nil where it cannot be read.
    public static func read(_ path: String, roots: SystemRoots = SystemRoots()) -> ImageStamp? {
        var status = stat()
        guard stat(path, &status) == 0,
            let boot = try? FileAccess.read("\(roots.proc)/sys/kernel/random/boot_id", limit: 64)
        else { return nil }
        let id = String(decoding: boot.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            return ImageStamp(
                boot: id, modified: nanoseconds(status.st_mtim), inode: UInt64(status.st_ino),
                bytes: UInt64(status.st_size), sectors: nil)
        case S_IFBLK:
            // gnu_dev_major and gnu_dev_minor of sys/sysmacros.h, which are macros.
            let device = UInt64(status.st_rdev)
            let number = "\(device >> 8 & 0xFFF | device >> 32 & ~0xFFF):\(device & 0xFF | device >> 12 & ~0xFF)"
            guard let counts = try? FileAccess.read("\(roots.sys)/dev/block/\(number)/stat", limit: 4096) else {
                return nil
            }
            // Kernel's Documentation/block/stat.rst: sectors written are the 7th, discarded the 14th.
            let fields = String(decoding: counts, as: UTF8.self).split(whereSeparator: \.isWhitespace).map {
                UInt64($0)
            }
            guard fields.count >= 7, let written = fields[6] else { return nil }
            let discarded = fields.count >= 14 ? fields[13] ?? 0 : 0
            return ImageStamp(boot: id, modified: nil, inode: nil, bytes: nil, sectors: written &+ discarded)
        default: return nil
        }
    }

    /// When a file was last written, in nanoseconds since 1970; nil where it is none.
    public static func modified(_ path: String) -> Int64? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return nanoseconds(status.st_mtim)
    }

    /// Whoever owns a file may date it thousands of years on, and ZFS keeps that: such a time wraps, and is a stamp all
    /// the same.
    static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
