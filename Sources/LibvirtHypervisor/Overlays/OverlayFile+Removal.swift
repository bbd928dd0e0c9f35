internal import Glibc
internal import Hypervisor
internal import SystemPackage

extension OverlayFile {
    /// Deletes the file, unless a QEMU has it open. Call it only when the domain was seen to be off it.
    ///
    /// It is moved aside first: a call of libvirt's that somebody gave up may come to it between that check and here.
    /// Whoever opened it before is seen by QEMU's locks, and whoever comes later does not find it.
    static func remove(_ disk: OverlayDisk) throws {
        let aside = disk.overlay + ".removed"
        guard rename(disk.overlay, aside) == 0 || errno == ENOENT else { throw notDeleted(disk) }
        if isInUse(aside) {
            _ = rename(aside, disk.overlay)
            throw HypervisorError(
                .changed,
                "a QEMU has the overlay \(disk.overlay) open; it was not touched. If that does not end, libvirtd was "
                    + "killed "
                    + "before it had QEMU close it: shut the VM down and start it, then: stillpoint recover",
                remedy: .retry)
        }
        guard unlink(aside) == 0 || errno == ENOENT else { throw notDeleted(disk) }
    }

    private static func notDeleted(_ disk: OverlayDisk) -> HypervisorError {
        HypervisorError(
            .overlay, "cannot delete the overlay \(disk.overlay)", remedy: .retry, cause: Errno(rawValue: errno))
    }

    /// Whether a QEMU, or a tool of its, holds one of the image locks of the file (QEMU's block/file-posix.c: bytes from
    /// 100 and from 200 on, one for each permission, as open file description locks).
    static func isInUse(_ path: String) -> Bool {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = 100
        lock.l_len = 200
        // F_OFD_GETLK, which needs _GNU_SOURCE in C (fcntl(2)).
        guard fcntl(file, 36, &lock) == 0 else { return false }
        return lock.l_type != Int16(F_UNLCK)
    }
}
