internal import DiskLocation
internal import Support
internal import Synchronization
internal import ZFS

/// Finds datastores among this host's NFS exports and the LUNs of its targets; reads them when first asked.
final class LocalDatastoreResolver: DatastoreResolver {
    private let roots: SystemRoots
    private let places = Mutex<Places?>(nil)

    init(roots: SystemRoots) { self.roots = roots }

    func datasets(of datastore: DatastoreKind) -> [DatasetName] {
        withPlaces { places in
            switch datastore {
            case .nfs(let hosts, let path): places.exports?.datasets(hosts: hosts, path: path) ?? []
            case .vmfs(let extents):
                Set(extents.flatMap { places.luns?.datasets(naa: $0) ?? [] }).sorted()
            case .other: []
            }
        }
    }

    /// An export is this host's by its server; a LUN only where its volume is found.
    func isLocal(_ datastore: DatastoreKind) -> Bool {
        withPlaces { places in
            switch datastore {
            case .nfs(let hosts, _): places.exports?.isThisHost(hosts) ?? false
            case .vmfs, .other: false
            }
        }
    }

    /// Nothing where the mounts cannot be read.
    private struct Places {
        var exports: NFSExportResolver?
        var luns: LIOTargetResolver?
    }

    private func withPlaces<Result>(_ body: (Places) -> Result) -> Result {
        places.withLock { stored in
            if let stored { return body(stored) }
            var fresh = Places()
            if let storage = try? StorageMap(roots: roots) {
                fresh.exports = NFSExportResolver(mounts: storage.mountTable)
                fresh.luns = LIOTargetResolver(roots: roots, storage: storage)
            }
            stored = fresh
            return body(fresh)
        }
    }
}
