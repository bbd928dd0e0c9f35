internal import Support
internal import ZFS

/// The volumes that udev shows below `/dev/zvol`.
struct ZvolTable: Sendable {
    /// The dataset of each whole disk, by the kernel's name of the disk (`zd16`).
    let datasetByDisk: [String: DatasetName]

    var datasets: Set<DatasetName> { Set(datasetByDisk.values) }

    /// Reads the links; without any, as on a system that never had a volume, the table is empty.
    init(roots: SystemRoots) {
        var found: [String: DatasetName] = [:]
        Self.scan(roots.dev + "/zvol", below: "", depth: 0) { name, target in
            // A link's own name does not tell a partition: a volume may be called disk-part1. Its target does.
            guard Self.isWholeDisk(target), let dataset = try? DatasetName(name) else { return }
            found[target] = dataset
        }
        datasetByDisk = found
    }

    /// zvol major 230: disks are zd0, zd16, …; their partitions zd0p1.
    static func isWholeDisk(_ name: String) -> Bool {
        name.hasPrefix("zd") && name.utf8.count > 2
            && name.utf8.dropFirst(2).allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Links stand in folders as their datasets do. ZFS nests at most 50 datasets (zfs_max_dataset_nesting).
    private static func scan(
        _ folder: String, below prefix: String, depth: Int, visit: (_ name: String, _ target: String) -> Void
    ) {
        guard depth < 64 else { return }
        for entry in FileAccess.names(in: folder) {
            let path = folder + "/" + entry
            // udev cannot have a blank in a link; zvol_id writes a plus sign, which no dataset can have.
            let name = prefix + String(entry.map { $0 == "+" ? " " : $0 })
            if FileAccess.linkText(path) != nil {
                // A link whose device is gone belongs to a volume that is gone.
                guard let target = try? FileAccess.realPath(path) else { continue }
                visit(name, FileAccess.lastComponent(target))
            } else if FileAccess.isFolder(path) {
                scan(path, below: name + "/", depth: depth + 1, visit: visit)
            }
        }
    }
}
