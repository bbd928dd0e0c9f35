internal import Configuration
internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import Support
internal import SystemPackage
internal import ZFS

/// What every restore has at hand.
struct RestoreJob: Sendable {
    let options: RestoreOptions
    let snapshot: SnapshotName
    let configuration: Configuration
    let hypervisors: Hypervisors
    let storage: StorageMap
    let zfs: ZFSCommand
    let log: Logger
    /// Told of long work: what it is, and the bytes done and to do.
    let progress: (@Sendable (_ what: String, _ done: UInt64, _ total: UInt64) -> Void)?

    var directory: StateDirectory { StateDirectory(configuration.stateDirectory) }
    var catalogue: Catalogue { Catalogue(directory) }

    /// The hypervisor that had the VM; on another host, which calls its own differently, the only one there is.
    /// - Throws: RestoreError `.refused` where there is none, or none that could restore it.
    func hypervisor(of source: RestoreSource) async throws -> any Hypervisor {
        let found = try await configured(for: source)
        if let obstacle = found.obstacleToRestore { throw RestoreError(.refused, obstacle) }
        return found
    }

    private func configured(for source: RestoreSource) async throws -> any Hypervisor {
        if let same = try? await hypervisors.named(source.definition.hypervisor) { return same }
        let all = try await hypervisors.all()
        guard all.count == 1, let only = all.first else {
            throw RestoreError(
                .refused,
                "the configuration has no [hypervisor \(source.definition.hypervisor)], from which the VM comes; add it"
            )
        }
        return only
    }

    /// The VMs of all hypervisors, the one that is restored apart from the others.
    func machines(besides key: VMKey) async throws -> (own: [VirtualMachine], others: [VirtualMachine]) {
        var (own, others): ([VirtualMachine], [VirtualMachine]) = ([], [])
        for hypervisor in try await hypervisors.all() {
            for machine in try await hypervisor.virtualMachines() {
                if VMKey(machine.id, of: hypervisor.name) == key {
                    own.append(machine)
                } else {
                    others.append(machine)
                }
            }
        }
        return (own, others)
    }

    func search(
        _ clones: SnapshotClones, copyingTo files: String, becomesClone: Bool,
        cloneName: @escaping @Sendable (DatasetName) throws -> DatasetName
    ) async throws -> RestoreSource {
        let points = RestorePoints(catalogue, coldStorage: configuration.coldStorage)
        let search = RestoreSearch(
            points: points, catalogue: catalogue, zfs: zfs, clones: clones, cloneName: cloneName, files: files,
            takesUntrusted: options.untrusted, storage: storage, becomesClone: becomesClone)
        var source = try await search.find(options.machine, in: snapshot)
        for problem in points.problems { log.warning("\(problem)") }
        if source.consistency == .stale {
            let name = printable(source.definition.name)
            log.warning("\(name) is \(staleness(since: source.staleSince)) in \(snapshot): nothing newer is in it")
        }
        if let dump = source.dump, !points.isVouchedFor(dump), !options.untrusted, !options.withoutMemory {
            throw RestoreError(
                .refused,
                "the RAM dump \(printable(dump.path, limit: 400)) is not trusted: what lies beside it is not sealed "
                    + "by this "
                    + "host or one whose key was imported (stillpoint trust). --without-memory restores the disks, "
                    + "--untrusted the RAM as well, with what is harmless of the definition")
        }
        if let dump = source.dump, !points.isVouchedFor(dump), !options.withoutMemory { source.isTrusted = false }
        for image in source.definition.images {
            let now = source.snapshots[image.dataset]?.dataset
            var path: String?
            if let now { path = await clones.place(of: image, on: now) }
            guard let now, let path, try await appears(path, isDevice: image.relativePath == nil) else {
                let reason =
                    image.relativePath != nil || path == nil
                    ? "is not in the snapshot of \(image.dataset)"
                    : "has no device \(printable(path ?? "", limit: 300)) in the clone of \(image.dataset): check "
                        + "zfs get "
                        + "volmode, and udev"
                throw RestoreError(
                    .refused, "\(image.target)'s image \(printable(image.path, limit: 300)) \(reason)")
            }
            // Its place was written down without symbolic links; whoever may write to the dataset can have made one.
            if let relativePath = image.relativePath, let root = await clones.folder(of: now) {
                do {
                    try Folder(reaching: root).file(relativePath).close()
                } catch {
                    throw RestoreError(
                        .refused,
                        "\(image.target)'s image \(printable(image.path, limit: 300)) is no plain file in the snapshot of "
                            + "\(image.dataset), or behind a symbolic link",
                        cause: error)
                }
            }
        }
        return source
    }

    /// Names what is not restored of a definition that is not trusted.
    /// - Throws: RestoreError `.refused` where its RAM knows a device that it would not have: QEMU would find that out when
    ///   its disks are back already.
    func tell(leftOut: [String], hasMemory: Bool) throws {
        guard !leftOut.isEmpty else { return }
        let devices = leftOut.filter { path in
            let names = path.split(separator: "/")
            return names.count == 2 && names[0] == "devices" && !names[1].hasPrefix("@")
        }
        guard !hasMemory || devices.isEmpty else {
            let shown = devices.prefix(10).map { printable($0, limit: 100) }.joined(separator: ", ")
            throw RestoreError(
                .refused,
                "its RAM needs what is left out, since the definition is not trusted (\(shown)): restore "
                    + "--without-memory")
        }
        let shown = leftOut.prefix(100).map { printable($0, limit: 100) }.joined(separator: ", ")
        log.warning("left out, since the definition is not trusted: \(shown)\(leftOut.count > 100 ? ", and more" : "")")
    }

    /// The formats of the VM's images, by their paths, as they were recorded, and of all others that its definition names.
    func formats(of source: RestoreSource, _ hypervisor: any Hypervisor) throws -> [String: String] {
        let recorded = source.definition.images.reduce(into: [:]) { $0[$1.path] = $1.format }
        return recorded.merging(try hypervisor.imageFormats(in: source.text)) { recorded, _ in recorded }
    }

    /// udev takes a moment to make a new volume's device.
    private func appears(_ path: String, isDevice: Bool) async throws -> Bool {
        for _ in 0..<(isDevice ? 50 : 0) where !fileExists(path) { try await Task.sleep(for: .milliseconds(100)) }
        return fileExists(path)
    }

    /// The VM's RAM, when it has one and it is wanted.
    func retrieveMemory(_ source: RestoreSource, changeable: Bool) async throws -> RAMDumpFetch.FetchedDump? {
        guard !options.withoutMemory else { return nil }
        guard let dump = source.dump else {
            guard source.consistency != .memory, try await !saysMemory(source) else {
                throw RestoreError(
                    .refused,
                    "the snapshot was taken with the VM's RAM, and the RAM cannot be found; set cold_storage to where it "
                        + "is, or restore --without-memory")
            }
            return nil
        }
        guard try await isUsable(dump, of: source) else {
            let place = printable(dump.path, limit: 400)
            log.warning("the RAM in \(place) is not used: nothing says that it is of the instant of \(snapshot)")
            return nil
        }
        let what = "RAM of \(source.definition.name)"
        let retrieval = RAMDumpFetch(
            ramDirectory: configuration.ramDirectory, coldStorage: configuration.coldStorage,
            progress: progress.map { tell in { @Sendable done, total in tell(what, done, total) } })
        return try await retrieval.retrieve(dump, of: source, changeable: changeable)
    }

    /// Whether the snapshot's own properties say that it has the VM's RAM.
    private func saysMemory(_ source: RestoreSource) async throws -> Bool {
        let listed = try await zfs.snapshot(snapshot, properties: SnapshotProperties.listedKeys)
        return SnapshotProperties.claim(of: source.definition.name, in: listed)?.consistency == .memory
    }

    /// Whether a dump is of the snapshots' instant. RAM of another one would ruin the disks.
    private func isUsable(_ dump: StoredDump, of source: RestoreSource) async throws -> Bool {
        let asked = SnapshotProperties.listedKeys + ["creation"]
        let listed = try await zfs.snapshots(named: source.snapshots.values.sorted(), properties: asked)
        if source.consistency == .memory {
            return listed.allSatisfy {
                (SnapshotProperties.claim(of: source.definition.name, in: $0)?.consistency ?? .memory) == .memory
            }
        }
        // When the run ended, nobody could say whether they were taken in time.
        guard let end = dump.usableUntil, let begin = source.run?.time,
            listed.count == source.snapshots.count
        else { return false }
        return listed.allSatisfy { snapshot in snapshot.creation.map { $0 >= begin && $0 < end } ?? false }
    }

    /// What the VM shall be doing afterwards.
    func power(hasMemory: Bool) -> RestoreRequest.Power {
        if hasMemory { return options.paused ? .paused : .running }
        return options.start ? (options.paused ? .paused : .running) : .off
    }
}
