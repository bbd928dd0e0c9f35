internal import CLibvirt
internal import Glibc
internal import Hypervisor
internal import Support
internal import XMLTree

/// Overlays in a folder of the libvirtd's own host, as volumes of a storage pool there.
///
/// The pool is one that has that folder, else one of ours that libvirt forgets when its host is started anew. A volume has
/// no mark of the run that made it: that is known by the state file, which is durable before the volume is there, and by
/// the name of libvirt's snapshot. So only what a state file names is ever deleted.
struct PoolOverlayStore: OverlayStore {
    /// For one call, and the reading of the folder before it.
    static let limit = Duration.seconds(30)
    /// While another VM's overlay is being made, the folder cannot be read.
    private static let longestWait = Duration.seconds(10)

    let connection: Connection
    let site: RemoteSite
    /// The configuration's section.
    let name: String

    var directory: String { site.overlayDirectory }
    var obstacleToMemory: StrategyObstacle? {
        StrategyObstacle(.callFailed, "the RAM would be dumped to a file of another host (\(section) has path_map)")
    }
    var place: String { "paths and commands are those of the host of \(section)" }
    var section: String { "[hypervisor \(printable(name))]" }

    // MARK: the pool

    func pool(_ remedy: HypervisorError.Remedy = .retry) throws -> StoragePool {
        do {
            if let pool = try connection.storagePool(at: directory) { return pool }
            do {
                return try connection.makeStoragePool(definition)
            } catch {
                // Another process may have been sooner.
                guard let pool = try connection.storagePool(at: directory) else { throw error }
                return pool
            }
        } catch {
            throw HypervisorError(
                .overlay,
                "overlay_dir \(directory) of \(section) cannot be used as a storage pool on that host (\(error)); make the "
                    + "folder there: install -d -m 0711 \(shellQuoted(directory)); where a pool of it is not started: "
                    + "virsh pool-start POOL", remedy: remedy)
        }
    }

    private var definition: XMLElement {
        let words = OverlayFile.sanitized(String(directory.dropFirst()), limit: 100)
        return XMLElement(
            "pool", ["type": "dir"],
            children: [
                XMLElement("name", text: "stillpoint-\(words)"),
                XMLElement("target", children: [XMLElement("path", text: directory)]),
            ])
    }

    /// Has libvirt read the folder anew; so no volume is being made in it either.
    func refresh(_ pool: StoragePool) throws {
        let end = ContinuousClock.now + Self.longestWait
        while true {
            do {
                return try pool.refresh()
            } catch let error as LibvirtError where error.mayPass && .now < end {
                usleep(100_000)
            }
        }
    }

    /// Looked for once more in the folder as it is now, where libvirt does not know it, or knows one that is gone.
    func volume(of disk: OverlayDisk) throws -> (volume: StorageVolume, document: XMLElement)? {
        let name = FileAccess.lastComponent(disk.overlay)
        let pool = try pool()
        if let volume = try pool.volume(named: name), let document = try? volume.document() {
            return (volume, document)
        }
        try refresh(pool)
        guard let volume = try pool.volume(named: name) else { return nil }
        return (volume, try volume.document())
    }
}

extension LibvirtError {
    /// A pool in which a volume is being made refuses to be read, with no number of its own (storagePoolRefresh: "has
    /// asynchronous jobs running").
    fileprivate var mayPass: Bool {
        [VIR_ERR_INTERNAL_ERROR, VIR_ERR_OPERATION_INVALID].contains { number == Int32($0.rawValue) }
    }
}
