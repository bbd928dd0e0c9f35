internal import DiskLocation
internal import Glibc
internal import Hypervisor
internal import Support
internal import SystemPackage

/// An overlay that is root's alone, so that its header stays as it was read.
///
/// libvirt gives it to QEMU's user while the VM is on it. Whoever has that user's rights could change the header between
/// our reading it and qemu-img's.
struct RootOnlyOverlay: Sendable {
    let image: ImageFile
    private let owner: (user: uid_t, group: gid_t)
    private let mode: mode_t

    /// Takes it. Call it only when the VM was seen to be off it.
    /// - Throws: HypervisorError: `.changed` where a process still has it open for writing, `.overlay`; StorageError.
    init(_ disk: OverlayDisk, roots: SystemRoots = SystemRoots()) throws {
        image = try ImageFile(disk.overlay, followingLinks: false)
        do {
            (owner, mode) = try image.withOpen { file in
                var status = stat()
                guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
                try Self.give(file, (geteuid(), getegid()), mode: 0o600)
                return ((status.st_uid, status.st_gid), status.st_mode & 0o777)
            }
        } catch {
            throw HypervisorError(
                .overlay, "cannot take the overlay \(disk.overlay) from QEMU's user; it was not touched", remedy: .stop,
                cause: error)
        }
        // Who opened it before can write to it still.
        let identity = ImageIdentity(disk.overlay)
        for process in ImageProcesses.all(proc: roots.proc) where process.images.contains(where: { $0 == identity }) {
            giveBack()
            throw disk.doubt(
                "the process \(process.id) (\(process.name)) has its overlay open; end it, then: stillpoint recover",
                remedy: .retry)
        }
    }

    /// For a QEMU that is to continue on it.
    func giveBack() {
        try? image.withOpen { try Self.give($0, owner, mode: mode) }
    }

    private static func give(_ file: FileDescriptor, _ owner: (user: uid_t, group: gid_t), mode: mode_t) throws {
        guard fchown(file.rawValue, owner.user, owner.group) == 0, fchmod(file.rawValue, mode) == 0 else {
            throw Errno(rawValue: errno)
        }
    }
}
