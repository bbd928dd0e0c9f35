internal import DiskLocation
internal import Glibc
internal import Hypervisor
internal import Support
internal import SystemPackage

/// The qcow2 file that takes a disk's writes between freeze and release.
enum OverlayFile {
    /// What an overlay's name ends in.
    static let ending = ".stillpoint.qcow2"

    /// A name that says at 3 a.m. whose file it is: `web01-UUID-vda.stillpoint.qcow2`.
    ///
    /// The same in each run: libvirt adds two lines to a VM's AppArmor profile for each new name and takes none away while
    /// the VM runs, until the profile takes a second to load, with the guest frozen.
    ///
    /// A VM's name may be any text, so only harmless characters of it are kept; the UUID keeps two VMs apart. It is
    /// whole, as administrators give UUIDs that differ in their last digits only.
    /// AppArmor's rules for libvirt want the ending.
    static func path(in directory: String, machine: VirtualMachine, disk: String) -> String {
        "\(directory)/\(name(of: [(machine.name, 40), (machine.id, 36), (disk, 16)]))\(ending)"
    }

    /// - Parameter words: texts from outside, and how many characters of each are kept.
    static func name(of words: [(String, Int)]) -> String {
        words.map { sanitized($0, limit: $1) }.joined(separator: "-")
    }

    /// Letters, digits, `-` and `_` of a text; everything else becomes `_`.
    static func sanitized(_ text: String, limit: Int) -> String {
        let kept = text.unicodeScalars.prefix(limit).map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-", "_": Character(scalar)
            default: "_"
            }
        }
        return String(kept)
    }

    /// Checks, before a freeze state names them as its own, that no file of these names is there.
    /// - Throws: HypervisorError `.overlay`.
    static func requireAbsence(of disks: [OverlayDisk]) throws {
        var status = stat()
        for disk in disks where lstat(disk.overlay, &status) == 0 {
            throw existing(disk)
        }
    }

    static func existing(_ disk: OverlayDisk) -> HypervisorError {
        HypervisorError(
            .overlay,
            "the overlay \(disk.overlay) of an earlier run exists still; it was not touched: stillpoint check says "
                + "what it "
                + "holds, stillpoint recover --adopt releases it", remedy: .fallBack)
    }

    /// Makes the file, backed by the disk's present image.
    /// - Parameters:
    ///   - capacity: the disk's size in bytes.
    ///   - run: whose it is.
    /// - Throws: HypervisorError `.overlay`; the file is then not there, unless it was before. `.timedOut` where its storage
    ///   hangs: it may be there, or come to be.
    static func create(_ disk: OverlayDisk, capacity: UInt64, run: String) async throws {
        try await claim(disk, run)
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
    private static func claim(_ disk: OverlayDisk, _ run: String) async throws {
        try await blocking("creating the overlay \(disk.overlay)", within: .seconds(10)) {
            do {
                let file = try FileDescriptor.open(
                    FilePath(disk.overlay), .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                    permissions: .ownerReadWrite)
                try file.closeAfter { OverlayMark.put(run, on: file) }
            } catch Errno.fileExists {
                throw existing(disk)
            } catch {
                let isFull = [.noSpace, .diskQuotaExceeded].contains(error as? Errno)
                throw HypervisorError(
                    .overlay, "cannot create the overlay \(disk.overlay)", remedy: .fallBack, cause: error,
                    reason: isFull ? .noRoom : .overlayFailed)
            }
        }
    }

    /// With `-u` and the size qemu-img leaves the base alone: to open and close a file that a guest is writing to makes
    /// some file systems write all of that first.
    private static func format(_ disk: OverlayDisk, _ capacity: UInt64) async throws {
        let overlay = try ImageFile(disk.overlay, followingLinks: false)
        let arguments = [
            "create", "-q", "-u", "-f", "qcow2", "-F", disk.baseFormat, "-b", disk.base,
            ConfinedQEMUImg.name(of: overlay), "\(capacity)",
        ]
        // Tables alone: of the first kind QEMU makes no more than 32 MiB.
        if let problem = try await QEMUImg.problem(
            arguments, [Confinement.Grant(overlay, isWritable: true)], within: .seconds(30), fileSize: 256 << 20)
        {
            throw HypervisorError(.overlay, "qemu-img create: \(problem)", remedy: .fallBack)
        }
    }
}
