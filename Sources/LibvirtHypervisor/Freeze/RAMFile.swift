internal import Glibc
internal import Hypervisor
internal import Support
internal import SystemPackage

/// The file that a `memory` freeze dumps a guest's RAM to.
enum RAMFile {
    /// A name that says whose RAM it is, and of which run: `web01-UUID-20261121T110000Z-1f3c9a.ram`.
    static func path(in directory: String, machine: VirtualMachine, run: String) -> String {
        "\(directory)/\(OverlayFile.name(of: [(machine.name, 40), (machine.id, 36)]))-\(run).ram"
    }

    /// An id for a name of which only what all runs have in common counts.
    static let anyRun = "00000000T000000Z-000000"

    /// Where libvirt writes it, until it is whole: `web01-UUID.stillpoint.ram`. The same in each run, as an overlay's name
    /// (`OverlayFile.path`), since libvirt adds it to the VM's AppArmor profile too.
    static func unfinished(_ path: String) -> String {
        // A run's id, and a hyphen before it.
        "\(path.dropLast(".ram".count).dropLast(24)).stillpoint.ram"
    }

    /// Checks, before a freeze state names them as its own, that no such files are there.
    static func requireAbsence(of path: String) throws {
        var status = stat()
        for path in [path, unfinished(path)] where lstat(path, &status) == 0 {
            throw HypervisorError(
                .overlay,
                "the RAM dump \(path) exists already; it was not touched; where no run is open (stillpoint check): "
                    + "rm \(shellQuoted(path))", remedy: .fallBack)
        }
    }

    /// Gives a dump that is whole its name.
    static func finish(_ path: String) throws {
        guard rename(unfinished(path), path) == 0 else {
            throw HypervisorError(
                .callFailed, "the RAM dump \(unfinished(path)) cannot be renamed", remedy: .stop,
                cause: Errno(rawValue: errno))
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

    /// Deletes a dump that is of no use, whole or not; fine when it is not there.
    static func remove(_ path: String) throws {
        for path in [unfinished(path), path] where unlink(path) != 0 && errno != ENOENT {
            throw HypervisorError(
                .overlay, "cannot delete the RAM dump \(path)", remedy: .retry, cause: Errno(rawValue: errno))
        }
    }
}
