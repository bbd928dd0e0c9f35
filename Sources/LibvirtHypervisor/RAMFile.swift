internal import Glibc
internal import Hypervisor
internal import SystemPackage

/// The file that a `memory` freeze dumps a guest's RAM to.
enum RAMFile {
    /// A name that says whose RAM it is, and of which run: `web01-UUID-20261121T110000Z-1f3c9a.ram`.
    static func path(in directory: String, machine: VirtualMachine, run: String) -> String {
        "\(directory)/\(OverlayFile.name(of: [(machine.name, 40), (machine.id, 36)]))-\(run).ram"
    }

    /// Checks, before a hold names it as its own, that no such file is there.
    static func requireAbsence(of path: String) throws {
        var status = stat()
        guard lstat(path, &status) != 0 else {
            throw HypervisorError(
                .overlay, "the RAM dump \(path) exists already; it was left alone", remedy: .fallBack)
        }
    }

    /// Its length in bytes.
    static func size(_ path: String) throws -> UInt64 {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw HypervisorError(
                .callFailed, "libvirt's RAM dump \(path) cannot be found here; is the hypervisor another host?",
                remedy: .fallBack, cause: Errno(rawValue: errno))
        }
        return UInt64(status.st_size)
    }

    /// Deletes a dump that is of no use; fine when it is not there.
    static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw HypervisorError(
                .overlay, "cannot delete the RAM dump \(path)", remedy: .retry, cause: Errno(rawValue: errno))
        }
    }
}
