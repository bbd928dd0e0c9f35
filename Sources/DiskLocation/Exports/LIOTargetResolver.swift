public import Support
public import ZFS

/// Finds the datasets behind a LUN that this host offers through the kernel's target, LIO.
///
/// SCST and ctld have no part in configfs; for them the configuration names the dataset.
public struct LIOTargetResolver: Sendable {
    private let storage: StorageMap
    private let backstores: [LIOBackstore]

    /// Reads the target's configuration below `/sys/kernel/config`; without one there are no LUNs.
    public init(roots: SystemRoots, storage: StorageMap) {
        self.storage = storage
        backstores = LIOBackstore.all(roots: roots)
    }

    /// The datasets of all backstores that an initiator sees under this name; several when a name was given twice.
    ///
    /// - Parameter naa: the LUN's name as ESXi writes it: `naa.6001405…`, in either case.
    public func datasets(naa: String) -> [DatasetName] {
        let sought = naa.lowercased()
        var found: Set<DatasetName> = []
        for backstore in backstores where backstore.naa == sought {
            guard let location = try? storage.locate(backstore.path) else { continue }
            found.formUnion(location.datasets)
        }
        return found.sorted()
    }
}
