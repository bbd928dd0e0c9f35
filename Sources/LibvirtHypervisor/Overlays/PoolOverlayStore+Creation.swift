internal import Hypervisor
internal import Support
internal import Synchronization
internal import XMLTree

extension PoolOverlayStore {
    private static var leastBytesPerDisk: UInt64 { 4 << 20 }

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
                remedy: .fallBack, reason: .noRoom)
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
