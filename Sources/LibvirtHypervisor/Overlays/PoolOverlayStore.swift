internal import CLibvirt
internal import Glibc
internal import Hypervisor
internal import Support
internal import Synchronization
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
    private static let leastBytesPerDisk: UInt64 = 4 << 20

    let connection: Connection
    let site: RemoteSite
    /// The configuration's section.
    let name: String

    var directory: String { site.overlayDirectory }
    var obstacleToMemory: String? {
        "the RAM would be dumped to a file of another host (\(section) has path_map)"
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

    // MARK: making

    func requireAbsence(of disks: [OverlayDisk]) async throws {
        try await blocking("reading the storage pool of \(directory)", within: Self.limit) {
            try requireRoom(for: disks)
        }
    }

    /// The same, blocking.
    func requireRoom(for disks: [OverlayDisk]) throws {
        let pool = try pool(.fallBack)
        // Also since libvirt would have qemu-img overwrite a file that it has not seen.
        try FolderReadings.read("\(name) \(directory)") { try refresh(pool) }
        for disk in disks where try pool.volume(named: FileAccess.lastComponent(disk.overlay)) != nil {
            throw OverlayFile.existing(disk)
        }
        let (available, total) = try pool.room()
        let needed = max(total / 10, Self.leastBytesPerDisk * UInt64(disks.count))
        guard available >= needed else {
            throw HypervisorError(
                .overlay,
                "overlay_dir \(directory) of \(section) has \(available >> 20) MiB free, \(needed >> 20) MiB are needed "
                    + "(a tenth of its file system, and 4 MiB a disk); make room there, or set overlay_dir",
                remedy: .fallBack)
        }
    }

    /// One after another: two threads on one connection hold each other up.
    func create(_ disks: [OverlayDisk], capacities: [UInt64], run: String) async -> [Result<OverlayDisk, any Error>] {
        var results: [Result<OverlayDisk, any Error>] = []
        for (disk, capacity) in zip(disks, capacities) {
            switch await act(
                "making the overlay \(disk.overlay)", within: Self.limit, { try createOne(disk, capacity) })
            {
            case .ended(.success): results.append(.success(disk))
            case .ended(.failure(let error)): results.append(.failure(error))
            // libvirt may make it yet, and then the others could not be deleted beside it.
            case .givenUp(let call): results.append(.failure(call.timeOut(after: Self.limit)))
            }
            if case .failure = results.last { break }
        }
        return results
    }

    private func createOne(_ disk: OverlayDisk, _ capacity: UInt64) throws {
        // libvirt counts them in KiB for qemu-img.
        guard capacity % 1024 == 0 else {
            throw HypervisorError(
                .overlay, "\(disk.target) has \(capacity) bytes, and libvirt makes no overlay of a part of a KiB",
                remedy: .fallBack)
        }
        let volume: StorageVolume
        do {
            volume = try pool(.fallBack).makeVolume(definition(of: disk, capacity))
        } catch let error as LibvirtError {
            guard connection.isAlive else {
                throw HypervisorError(
                    .overlay, "whether the overlay \(disk.overlay) was made is not known", remedy: .stop, cause: error)
            }
            throw HypervisorError(
                .overlay, "cannot create the overlay \(disk.overlay) on the host of \(section)", remedy: .fallBack,
                cause: error)
        }
        do {
            let document = try volume.document()
            guard let problem = problem(disk, document, capacity: capacity) else { return }
            throw HypervisorError(
                .overlay, "libvirt made another overlay than \(disk.overlay): \(problem)", remedy: .fallBack)
        } catch {
            do { try volume.delete() } catch let problem {
                throw HypervisorError(
                    .overlay, "the overlay \(disk.overlay) is of no use (\(error)) and was not deleted", remedy: .stop,
                    cause: problem)
            }
            throw error
        }
    }

    /// libvirt.org/formatstorage.html. Nobody but root can open it until libvirt gives it to QEMU.
    private func definition(of disk: OverlayDisk, _ capacity: UInt64) -> XMLElement {
        func format(_ name: String) -> XMLElement { XMLElement("format", ["type": name]) }
        return XMLElement(
            "volume",
            children: [
                XMLElement("name", text: FileAccess.lastComponent(disk.overlay)),
                XMLElement("capacity", ["unit": "bytes"], text: "\(capacity)"),
                XMLElement("allocation", ["unit": "bytes"], text: "0"),
                XMLElement(
                    "target",
                    children: [
                        format("qcow2"), XMLElement("permissions", children: [XMLElement("mode", text: "0600")]),
                        XMLElement("compat", text: "1.1"),
                    ]),
                XMLElement(
                    "backingStore", children: [XMLElement("path", text: disk.base), format(disk.baseFormat)]),
            ])
    }

    /// That the folder can be read anew says that no call of a killed process is at work in it.
    func endCreation(of disks: [OverlayDisk]) async throws {
        guard !disks.isEmpty else { return }
        try await blocking("reading the storage pool of \(directory)", within: Self.limit) { try refresh(pool()) }
    }

    /// What writes to them from their host may be seen here some time later.
    func noteBasesAtRest(of freezeState: inout FreezeState) async {}
}

/// When this process had libvirt read which folder: of many VMs that are frozen at once each would wait for the others'
/// overlays to be made.
private enum FolderReadings {
    /// What libvirt makes itself it knows, and nobody else makes files of our names.
    private static let longestAge = Duration.seconds(10)
    private static let times = Mutex<[String: ContinuousClock.Instant]>([:])

    static func read(_ folder: String, _ body: () throws -> Void) throws {
        try times.withLock { times in
            if let last = times[folder], last.duration(to: .now) < longestAge { return }
            try body()
            times[folder] = .now
        }
    }
}

extension LibvirtError {
    /// A pool in which a volume is being made refuses to be read, with no number of its own (storagePoolRefresh: "has
    /// asynchronous jobs running").
    fileprivate var mayPass: Bool {
        [VIR_ERR_INTERNAL_ERROR, VIR_ERR_OPERATION_INVALID].contains { number == Int32($0.rawValue) }
    }
}
