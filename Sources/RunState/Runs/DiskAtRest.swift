package import Hypervisor

/// A disk of a VM that is off, by which it is seen afterwards whether it was at rest: the VM may have been started and
/// stopped again meanwhile, another VM or a program may write to it.
package struct DiskAtRest: Sendable, Codable, Equatable {
    let path: String
    let stamp: ImageStamp

    /// Those of a VM, as they are now; those that cannot be seen are left out.
    package static func read(_ disks: [Disk]) async -> [DiskAtRest]? {
        let paths = disks.compactMap(\.source)
        return try? await blocking("reading disks that are at rest", within: .seconds(5)) {
            paths.compactMap { path in ImageStamp.read(path).map { DiskAtRest(path: path, stamp: $0) } }
        }
    }

    /// For each VM the paths of those that are not as they were, or of which that cannot be seen; all at once, so that
    /// one disk that hangs is waited for once.
    package static func written(of machines: [[DiskAtRest]]) async -> [[String]] {
        await withTaskGroup(of: (Int, [String]).self) { group in
            for (index, disks) in machines.enumerated() where !disks.isEmpty {
                group.addTask { (index, await writtenDisks(of: disks)) }
            }
            return await group.reduce(into: Array(repeating: [], count: machines.count)) { $0[$1.0] = $1.1 }
        }
    }

    private static func writtenDisks(of disks: [DiskAtRest]) async -> [String] {
        let now = try? await blocking("reading disks that were at rest", within: .seconds(5)) {
            disks.filter { disk in ImageStamp.read(disk.path).flatMap { disk.stamp.isUnwritten($0) } != true }
        }
        return (now ?? disks).map(\.path)
    }
}
