internal import Hypervisor

/// Which of a guest's file systems are frozen, and how many that must be.
struct FreezeSelection: Sendable, Equatable {
    /// Where those to freeze are mounted; nil: all.
    let mountPoints: [String]?
    /// Of those listed, the ones that can be frozen; nil: the guest does not list them.
    let freezable: [GuestFileSystem]?
    /// VSS freezes: for 10 s at most, and all volumes.
    let isWindows: Bool

    /// - Parameters:
    ///   - listed: what the guest lists; nil: it cannot.
    ///   - held: targets of the disks that are moved to overlays.
    ///   - writable: those of all disks that the guest can write to.
    ///   - system: what a guest that does not list them calls its system.
    init(_ listed: [GuestFileSystem]?, held: Set<String>, writable: Set<String>, system: String? = nil) {
        guard let listed else {
            self.init(mountPoints: nil, freezable: nil, isWindows: system == "mswindows")
            return
        }
        // Volumes without a drive are listed under names that are no mount points, and older agents freeze all anyway.
        guard !listed.contains(where: \.isOfWindows) else {
            self.init(mountPoints: nil, freezable: Self.distinct(listed.filter(\.canBeFrozen)), isWindows: true)
            return
        }
        // One whose disks the guest cannot tell may lie on any.
        let affected = listed.filter { !held.isDisjoint(with: $0.disks) || $0.disks.isEmpty }
        let isPart = !writable.isSubset(of: held) && !affected.contains { $0.disks.isEmpty } && !affected.isEmpty
        self.init(
            mountPoints: isPart ? affected.map(\.mountPoint) : nil,
            freezable: Self.distinct((isPart ? affected : listed).filter(\.canBeFrozen)), isWindows: false)
    }

    private init(mountPoints: [String]?, freezable: [GuestFileSystem]?, isWindows: Bool) {
        self.mountPoints = mountPoints
        self.freezable = freezable
        self.isWindows = isWindows
    }

    /// Why nothing would be frozen of a guest that lists what it has mounted; nil: something would.
    var obstacle: StrategyObstacle? {
        guard let freezable, freezable.isEmpty else { return nil }
        return StrategyObstacle(.freezeFailed, "the guest has no file system mounted that can be frozen")
    }

    /// What can be frozen and was not, when the guest says that it froze so many; nil: nothing is known to be left out.
    func shortfall(frozen: Int) -> String? {
        guard let freezable, frozen < freezable.count else { return nil }
        let names = freezable.map(\.mountPoint).joined(separator: ", ")
        return "the guest froze \(frozen) of \(freezable.count) file systems that can be frozen (\(names))"
    }

    /// One that is mounted in several places is frozen once (qemu-ga: qmp_guest_fsfreeze_do_freeze does not count EBUSY).
    private static func distinct(_ all: [GuestFileSystem]) -> [GuestFileSystem] {
        var devices: Set<String> = []
        return all.filter { $0.device.isEmpty || devices.insert($0.device).inserted }
    }
}

extension GuestFileSystem {
    /// Whether FIFREEZE, or VSS, can hold its writes. A type that is not known here is taken for one that can: then the
    /// claim is lowered where it was not.
    ///
    /// Linux: types without `freeze_fs` (fs/ioctl.c gives EOPNOTSUPP, which qemu-ga passes over in silence).
    var canBeFrozen: Bool { !Self.unfreezable.contains(type) && !type.hasPrefix("fuse") }

    private static let unfreezable: Set<String> = [
        "vfat", "msdos", "exfat", "ntfs", "ntfs3", "iso9660", "udf", "squashfs", "erofs", "cramfs", "romfs", "minix",
        "hfs", "hfsplus", "affs", "ufs", "jffs2", "ubifs", "tmpfs", "ramfs", "overlay", "zfs", "swap",
        // As Windows calls them.
        "FAT", "FAT32", "exFAT", "CDFS", "UDF",
    ]
}
