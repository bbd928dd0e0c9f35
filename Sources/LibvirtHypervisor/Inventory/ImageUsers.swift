internal import DiskLocation
internal import Glibc
internal import Hypervisor
internal import Support
internal import XMLTree

/// Finds anybody else who has one of a VM's images: another domain, on or off, a process, or the kernel.
struct ImageUsers: Sendable {
    let connection: Connection
    /// The UUID of the VM itself, whose own definition is not read.
    let machineID: String
    var roots = SystemRoots()

    /// - Parameter owner: the VM's own QEMU, if libvirt may have lost it.
    /// - Throws: HypervisorError of the first disk of which somebody has the overlay or the base.
    func requireNone(of disks: [OverlayDisk], owner: QEMUProcess?) throws {
        let images = disks.flatMap { disk in
            [(disk, disk.overlay, ImageIdentity(disk.overlay)), (disk, disk.base, ImageIdentity(disk.base))]
        }
        // A volume that cannot be found may be the one.
        func holder(of identity: ImageIdentity?, _ path: String?) -> (disk: OverlayDisk, image: String)? {
            let found = images.first { _, image, known in
                known != nil && known == identity || path == image
                    || path?.hasPrefix("/") == false && path == FileAccess.lastComponent(image)
            }
            return found.map { disk, image, _ in (disk, image == disk.overlay ? "its overlay" : image) }
        }
        for (other, _) in try connection.domains() where try other.uuid() != machineID {
            for use in try other.imageUses() {
                let named = use.images.lazy.compactMap { holder(of: ImageIdentity($0), $0) }.first
                // A header names what its writer likes: it counts for the files beside it, which that one could write
                // to as well, and holds up nobody else's.
                let own = use.images.first.flatMap { ImageIdentity($0) }
                let claimed = use.claimed.lazy.compactMap { path -> (disk: OverlayDisk, image: String)? in
                    guard let other = ImageIdentity(path), own?.isBeside(other) == true else { return nil }
                    return holder(of: other, path)
                }.first
                guard let found = named ?? claimed else { continue }
                throw found.disk.doubt(
                    "the VM \(other.name) uses \(found.image) as its \(use.target); undefine one of the two, or give it "
                        + "another disk (virsh edit \(shellQuoted(other.name))), then: stillpoint recover")
            }
        }
        for process in ImageProcesses.all(proc: roots.proc) {
            guard let found = process.images.lazy.compactMap({ holder(of: $0, nil) }).first else { continue }
            if process.id == owner?.id { throw StrayQEMU(process: process.id).error }
            // It may be over soon, as a qemu-img is.
            throw found.disk.doubt(
                "the process \(process.id) (\(process.name)) has \(found.image) open; end it, then: stillpoint recover",
                remedy: .retry)
        }
        for (name, backing) in LoopDevices.all(sys: roots.sys) {
            guard let found = holder(of: ImageIdentity(backing), backing) else { continue }
            throw found.disk.doubt(
                "the loop device /dev/\(name) has \(found.image); "
                    + "losetup -d \(shellQuoted("/dev/\(name)")), then: stillpoint recover")
        }
        for disk in disks where ImageIdentity.isClaimedDevice(disk.base) {
            throw disk.doubt(
                "\(disk.base) is mounted, or another device lies on it (lsblk \(disk.base)); end that, then: "
                    + "stillpoint recover")
        }
    }
}

/// A QEMU that libvirtd, which was killed or crashed, could not take up again.
struct StrayQEMU: Sendable {
    let process: Int32

    var error: HypervisorError {
        HypervisorError(
            .changed,
            "libvirt says that it is shut off, but its QEMU, process \(process), runs on unharmed: libvirtd, which was "
                + "killed or crashed, could not take it up again; shut it down from inside, or end that process, "
                + "then: stillpoint recover", remedy: .retry)
    }
}

/// What an image is, whatever path leads to it.
struct ImageIdentity: Sendable, Hashable {
    private let device: UInt
    /// 0 for a block device.
    private let inode: UInt

    /// Nil where nothing is there, or no image.
    init?(_ path: String) {
        var status = stat()
        guard path.hasPrefix("/"), stat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: (device, inode) = (status.st_dev, status.st_ino)
        case S_IFBLK: (device, inode) = (status.st_rdev, 0)
        default: return nil
        }
    }

    /// Whether both are files of one file system.
    func isBeside(_ other: ImageIdentity) -> Bool {
        inode != 0 && other.inode != 0 && device == other.device
    }

    /// Whether the kernel has a block device, or a partition of it, for itself: mounted, or under device-mapper (open(2),
    /// O_EXCL without O_CREAT).
    static func isClaimedDevice(_ path: String) -> Bool {
        guard let image = try? ImageFile(path), image.isDevice else { return false }
        let descriptor = open("/proc/self/fd/\(image.descriptor)", O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == EBUSY }
        close(descriptor)
        return false
    }
}

/// The processes of this host that have images open, whatever mount namespace they are in.
struct ImageProcesses: Sendable {
    let id: Int32
    let name: String
    /// Those that it may write to, or has open at all where it is a program of QEMU's: another guest may read from it.
    let images: [ImageIdentity]

    static func all(proc: String) -> [ImageProcesses] {
        let own = getpid()
        return FileAccess.names(in: proc).compactMap { Int32($0) }.filter { $0 != own }.compactMap { id in
            let folder = "\(proc)/\(id)"
            let files = FileAccess.names(in: folder + "/fd")
            guard !files.isEmpty else { return nil }
            let name = text(folder + "/comm")
            let isQemu = name.hasPrefix("qemu") || name.hasPrefix("kvm")
            let images = files.compactMap { file -> ImageIdentity? in
                guard let identity = ImageIdentity("\(folder)/fd/\(file)") else { return nil }
                return isQemu || isWritable("\(folder)/fdinfo/\(file)") ? identity : nil
            }
            return ImageProcesses(id: id, name: name, images: images)
        }
    }

    private static func text(_ path: String) -> String {
        let bytes = (try? FileAccess.read(path, limit: 4096)) ?? []
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// `flags:\t0100002`, octal (proc(5)).
    private static func isWritable(_ path: String) -> Bool {
        let bytes = (try? FileAccess.read(path, limit: 4096)) ?? []
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("flags:") }
        guard let flags = line?.split(whereSeparator: \.isWhitespace).last.flatMap({ Int32($0, radix: 8) }) else {
            return true
        }
        return flags & O_ACCMODE != O_RDONLY
    }
}

/// The kernel's loop devices, and the files behind them.
enum LoopDevices {
    static func all(sys: String) -> [(name: String, backing: String)] {
        FileAccess.names(in: sys + "/block").filter { $0.hasPrefix("loop") }.compactMap { name in
            guard let bytes = try? FileAccess.read("\(sys)/block/\(name)/loop/backing_file", limit: 4096) else {
                return nil
            }
            return (name, String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
        }
    }
}
