internal import Glibc
internal import Hypervisor
internal import Storage
internal import SystemPackage

/// The qcow2 file that takes a disk's writes between freeze and release.
enum OverlayFile {
    /// A name that says at 3 a.m. whose file it is: `web01-UUID-vda-20261121T110000Z-1f3c9a.qcow2`.
    ///
    /// A VM's name may be any text, so only harmless characters of it are kept; the UUID keeps two VMs apart. It is
    /// whole, as administrators give UUIDs that differ in their last digits only.
    /// AppArmor's rules for libvirt want the ending.
    static func path(in directory: String, machine: VirtualMachine, disk: String, run: String) -> String {
        name(of: [(machine.name, 40), (machine.id, 36), (disk, 16)], in: directory, run: run, ending: "qcow2")
    }

    /// - Parameter words: texts from outside, and how many characters of each are kept.
    static func name(of words: [(String, Int)], in directory: String, run: String, ending: String) -> String {
        let kept = words.map { harmless($0, limit: $1) }.joined(separator: "-")
        return "\(directory)/\(kept)-\(run).\(ending)"
    }

    /// Letters, digits, `-` and `_` of a text; everything else becomes `_`.
    static func harmless(_ text: String, limit: Int) -> String {
        let kept = text.unicodeScalars.prefix(limit).map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-", "_": Character(scalar)
            default: "_"
            }
        }
        return String(kept)
    }

    /// Checks, before a hold names them as its own, that no file of these names is there.
    /// - Throws: HypervisorError `.overlay`.
    static func requireAbsence(of disks: [HeldDisk]) throws {
        var status = stat()
        for disk in disks where lstat(disk.overlay, &status) == 0 {
            throw existing(disk)
        }
    }

    private static func existing(_ disk: HeldDisk) -> HypervisorError {
        HypervisorError(.overlay, "the overlay \(disk.overlay) exists already; it was left alone", remedy: .fallBack)
    }

    /// Makes the file, backed by the disk's present image.
    /// - Parameter capacity: the disk's size in bytes.
    /// - Throws: HypervisorError `.overlay`; the file is then not there, unless it was before. `.timedOut` where its storage
    ///   hangs: it may be there, or come to be.
    static func create(_ disk: HeldDisk, capacity: UInt64) async throws {
        try await claim(disk)
        do {
            try await format(disk, capacity)
        } catch let error as HypervisorError where error.code == .timedOut {
            // The storage hangs, and to delete the file would hang as well.
            throw HypervisorError(.timedOut, error.message, remedy: .stop, cause: error.cause)
        } catch {
            try remove(disk)
            throw HypervisorError(
                .overlay, "cannot create the overlay \(disk.overlay)", remedy: .fallBack, cause: error)
        }
    }

    /// Makes an empty file of that name: qemu-img would overwrite one that is there. It opens the file by its path again, as
    /// libvirt and QEMU do: that is sound since nobody but root can put another one there (`TrustedPath`, before each run).
    private static func claim(_ disk: HeldDisk) async throws {
        try await blocking("creating the overlay \(disk.overlay)", within: .seconds(10)) {
            do {
                try FileDescriptor.open(
                    FilePath(disk.overlay), .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                    permissions: .ownerReadWrite
                ).close()
            } catch Errno.fileExists {
                throw existing(disk)
            } catch {
                throw HypervisorError(
                    .overlay, "cannot create the overlay \(disk.overlay)", remedy: .fallBack, cause: error)
            }
        }
    }

    /// With `-u` and the size qemu-img leaves the base alone: to open and close a file that a guest is writing to makes
    /// some file systems write all of that first.
    private static func format(_ disk: HeldDisk, _ capacity: UInt64) async throws {
        let overlay = try ImageFile(disk.overlay, followingLinks: false)
        let arguments = [
            "create", "-q", "-u", "-f", "qcow2", "-F", disk.baseFormat, "-b", disk.base,
            ConfinedQemuImg.name(of: overlay), "\(capacity)",
        ]
        // Tables alone: of the first kind QEMU makes no more than 32 MiB.
        if let problem = try await QemuImg.problem(
            arguments, [Confinement.Grant(overlay, isWritable: true)], within: .seconds(30), fileSize: 256 << 20)
        {
            throw HypervisorError(.overlay, "qemu-img create: \(problem)", remedy: .fallBack)
        }
    }
}
