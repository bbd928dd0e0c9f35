public import Support
public import ZFS

/// Where a path's data lies.
public struct DiskLocation: Sendable, Equatable {
    /// The path without symbolic links.
    public let resolvedPath: String
    /// The datasets that hold the data; several for a stack over several volumes, none when it is not on ZFS here.
    public let datasets: Set<DatasetName>
    /// What of a volume it is; nil where it is no block device.
    public let volumePart: VolumePart?

    /// Takes a resolved path, its datasets and, for a device, what of a volume it is.
    public init(resolvedPath: String, datasets: Set<DatasetName>, volumePart: VolumePart? = nil) {
        self.resolvedPath = resolvedPath
        self.datasets = datasets
        self.volumePart = volumePart
    }
}

/// Tells on which datasets files and devices lie. A picture of one moment: make a new one for each run.
public struct StorageMap: Sendable {
    /// The mounts as they were when the map was made.
    public let mountTable: MountTable
    /// Where the device nodes are.
    public let dev: String
    private let devices: BlockDevices

    /// Reads the mount table; devices are read when first asked about.
    public init(roots: SystemRoots = SystemRoots()) throws(StorageError) {
        mountTable = try MountTable.read(roots: roots)
        devices = BlockDevices(roots: roots)
        dev = roots.dev
    }

    /// The datasets below a file, a folder or a block device.
    ///
    /// Symbolic links are followed. The last part of the path need not exist yet.
    ///
    /// - Throws: ``StorageError``: `badPath`, `notFound` where not even the folder exists, `unreadable`.
    public func locate(_ path: String) throws(StorageError) -> DiskLocation {
        try locate(path, by: PathLocator())
    }

    /// `locate` for one of many paths that `walk` leads to.
    public func locate(_ path: String, by walk: PathLocator) throws(StorageError) -> DiskLocation {
        let place = try walk.place(of: path)
        let device = devices.deviceName(at: place)
        return DiskLocation(
            resolvedPath: place.path, datasets: datasets(at: place, device, by: walk, depth: 0),
            volumePart: device.map(devices.volumePart))
    }

    /// Whether the dataset is mounted or has a device, or one below it.
    public func isKnown(_ dataset: DatasetName) -> Bool {
        mountTable.datasets.contains { $0.isSameOrDescendant(of: dataset) }
            || devices.volumes.contains { $0.isSameOrDescendant(of: dataset) }
    }

    /// The dataset and all below it that are known, those between that are not mounted themselves included.
    public func childrenAndSelf(of dataset: DatasetName) -> Set<DatasetName> {
        var result: Set<DatasetName> = []
        for found in mountTable.datasets.union(devices.volumes) {
            var next: DatasetName? = found
            while let name = next, name.isSameOrDescendant(of: dataset), result.insert(name).inserted {
                next = name.parent
            }
        }
        return result
    }

    private func datasets(
        at place: PathLocator.ResolvedPath, _ device: String?, by walk: PathLocator, depth: Int
    ) -> Set<DatasetName> {
        guard let device else {
            return (mountTable.mount(containing: place.path)?.dataset).map { [$0] } ?? []
        }
        let backing = devices.backing(ofDevice: device)
        var result = backing.datasets
        // A loop file may lie on a file system over another loop device, but the walk over devices ends at a file:
        // the depth only bounds a loop device whose file is itself.
        guard depth < 8 else { return result }
        for file in backing.files {
            guard let below = try? walk.place(of: file) else { continue }
            result.formUnion(datasets(at: below, devices.deviceName(at: below), by: walk, depth: depth + 1))
        }
        return result
    }
}
