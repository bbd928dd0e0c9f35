internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import Support
internal import ZFS

/// `restore --in-place`: the VM itself is put back to its snapshot.
struct InPlaceRestore: Sendable {
    let job: RestoreJob

    func run() async throws {
        let trace = try RestoreTrace("in place: \(job.options.machine) of \(job.snapshot)", in: job.directory)
        let clones = SnapshotClones(
            zfs: job.zfs, id: trace.id, lookedAtIn: trace.mounts, dev: job.storage.dev)
        do {
            try await restore(clones, trace)
        } catch {
            await destroy(clones, trace)
            throw error
        }
        await destroy(clones, trace)
    }

    private func destroy(_ clones: SnapshotClones, _ trace: RestoreTrace) async {
        let left = await clones.destroy()
        for clone in left {
            job.log.warning("the clone \(clone) could not be destroyed; do it with: stillpoint recover")
        }
        if left.isEmpty, await !clones.mayStillMake { trace.end() }
    }

    private func restore(_ clones: SnapshotClones, _ trace: RestoreTrace) async throws {
        let source = try await job.search(clones, copyingTo: trace.files, becomesClone: false) { dataset in
            // One for each of those beside each other.
            let name = "stillpoint-\(trace.id)-\(FileAccess.lastComponent(dataset.rawValue))"
            return try DatasetName("\(dataset.parent ?? dataset)/\(name)")
        }
        guard source.isAtHome else {
            throw RestoreError(
                .refused, "\(job.snapshot) is a copy of another dataset's snapshot; restore it there, or --as a new VM")
        }
        let hypervisor = try await job.hypervisor(of: source)
        let datasets = source.snapshots.keys.sorted()
        let (machine, directory) = (source.definition, job.directory)
        var claim = try RestoreLock(
            VMRecord(hypervisor: machine.hypervisor, id: machine.id, name: machine.name, datasets: datasets),
            in: directory)
        do {
            let taken = try await take(source, clones, trace, hypervisor, datasets)
            try await stopAndRestore(source, taken, hypervisor, &claim)
        } catch {
            try? claim.end()
            throw error
        }
        try claim.end()
    }

    /// All that is needed of the snapshots, so that their clones are not needed any more.
    private struct Taken {
        let disks: any DiskRestorer
        let memory: RAMDumpFetch.FetchedDump?
        let request: RestoreRequest
    }

    private func take(
        _ source: RestoreSource, _ clones: SnapshotClones, _ trace: RestoreTrace, _ hypervisor: any Hypervisor,
        _ datasets: [DatasetName]
    ) async throws -> Taken {
        try requireMounts(of: source)
        let (own, machines) = try await job.machines(
            besides: VMKey(source.definition.id, of: hypervisor.name))
        try requireDisk(of: own)
        let images =
            source.definition.images.map(\.path)
            + own.flatMap(\.disks).filter(\.isOwn).flatMap(\.chain)
        let others = DatasetUsers(storage: job.storage).others(on: datasets, than: images, machines)
        let disks = try await restoration(of: source, clones, others, machines)
        // The definition in RAM that nobody vouches for is changed.
        let memory = try await job.retrieveMemory(source, changeable: !source.isTrusted)
        do {
            // Long work first, while the VM still runs.
            try await disks.prepare()
            let formats = source.isTrusted ? try job.formats(of: source, hypervisor) : nil
            let request = try await request(source, clones, memory, formats)
            try job.tell(leftOut: try await hypervisor.checkRestore(request), hasMemory: memory != nil)
            // Gone before the VM starts: its QEMU gets a copy of the mounts, and a clone that is mounted there cannot
            // be destroyed as long as the VM runs.
            await destroy(clones)
            return Taken(disks: disks, memory: memory, request: request)
        } catch {
            await discardPrepared(disks, memory)
            if let refusal = error as? RestoreError { throw refusal }
            throw RestoreError(.undone, "\(source.definition.name) was not restored", cause: error)
        }
    }

    /// - Parameter others: who or what else is on its datasets, in words.
    private func restoration(
        of source: RestoreSource, _ clones: SnapshotClones, _ others: [String], _ machines: [VirtualMachine]
    ) async throws -> any DiskRestorer {
        guard !others.isEmpty else {
            return try await RollbackRestorer(
                snapshots: source.snapshots.values.sorted(), zfs: job.zfs, destroyNewer: job.options.destroyNewer)
        }
        let disks = try await SharedDatasetRestorer(source: source, clones: clones, job: job, others: machines)
        let volumes = disks.rolledBack.map(\.dataset.rawValue).joined(separator: ", ")
        let users = others.joined(separator: ", ")
        let line =
            "also on its datasets: \(users); so \(volumes.isEmpty ? "nothing is" : "only \(volumes), its own, is") rolled back, "
            + "the VM's own files are copied"
        job.log.info("\(line)")
        return disks
    }

    /// What the hypervisor is asked for. Of a definition that is not trusted, no path is believed: its images are
    /// where the snapshot's are put.
    private func request(
        _ source: RestoreSource, _ clones: SnapshotClones, _ memory: RAMDumpFetch.FetchedDump?,
        _ formats: [String: String]?
    ) async throws -> RestoreRequest {
        let moves =
            source.isTrusted ? [] : try source.definition.images.map { PathMove(from: $0.path, to: try place(of: $0)) }
        try RestoredImages(images: await source.images(in: clones), formats: formats)
            .requireHarmless(also: moves.map(\.to))
        return RestoreRequest(
            definition: source.text, files: source.files, moves: moves, ramDump: memory?.path,
            power: job.power(hasMemory: memory != nil),
            // Nobody vouches for the network that it names.
            linksUp: source.isTrusted || job.options.connect ? nil : false,
            identity: source.identity, isTrusted: source.isTrusted)
    }

    /// Where an image is put back.
    private func place(of image: SavedImage) throws -> String {
        if let path = image.relativePath, let point = job.storage.mountTable.mountPoints(of: image.dataset).first {
            return "\(point)/\(path)"
        }
        guard let part = image.part, part != .stacked else {
            throw RestoreError(
                .refused,
                "\(image.target) was \(printable(image.path, limit: 300)), which is no volume nor a partition of one, and "
                    + "what it leads to is not trusted; correct the definition by hand")
        }
        return image.dataset.volumeLink(part, dev: job.storage.dev)
    }

    /// Whatever id the snapshot names: a VM that has no disk on its dataset is not the one that was in it.
    private func requireDisk(of own: [VirtualMachine]) throws {
        guard let machine = own.first,
            DatasetUsers(storage: job.storage).machines(on: [job.snapshot.dataset], own).isEmpty
        else { return }
        throw RestoreError(
            .refused,
            "\(printable(machine.name)), which has the id that \(job.snapshot) names, has no disk on "
                + "\(job.snapshot.dataset); restore --as a new VM")
    }

    private func destroy(_ clones: SnapshotClones) async {
        for clone in await clones.destroy() {
            job.log.warning(
                "the clone \(clone) cannot be destroyed yet: once the VM is off again, stillpoint recover does it")
        }
    }

    private func discardPrepared(_ disks: any DiskRestorer, _ memory: RAMDumpFetch.FetchedDump?) async {
        memory?.remove()
        await disks.discardPrepared()
    }

    private func stopAndRestore(
        _ source: RestoreSource, _ taken: Taken, _ hypervisor: any Hypervisor, _ claim: inout RestoreLock
    ) async throws {
        let (name, id) = (source.definition.name, source.definition.id)
        let (disks, memory) = (taken.disks, taken.memory)
        do {
            try claim.begin()
            try await PowerOff(hypervisor: hypervisor, id: id, name: name).run()
        } catch {
            await discardPrepared(disks, memory)
            if let refusal = error as? RestoreError { throw refusal }
            throw RestoreError(.undone, "\(name) was not restored", cause: error)
        }
        let power = taken.request.power
        do {
            try await disks.restoreFormerDisks()
            _ = try await hypervisor.restore(taken.request)
        } catch {
            // The copy stays, so that the VM can be resumed from the RAM by hand.
            let ram = memory.map { " Its RAM is in \($0.path)." } ?? ""
            // Nothing is moved below a VM that runs on it, or that a call which was given up may still start.
            guard !error.mayStillHappen,
                await PowerOff(hypervisor: hypervisor, id: id, name: name).isDone()
            else {
                throw RestoreError(
                    .halfDone,
                    "\(name) is not restored, and may be running on its restored disks, which were left there. "
                        + "\(disks.whereabouts)\(ram) Check it, switch it off and restore again",
                    cause: error)
            }
            let state = await disks.stateAfterFailure()
            throw RestoreError(
                .halfDone, "\(name) is stopped and not restored. \(state)\(ram) Fix the cause and restore again",
                cause: error)
        }
        memory?.remove()
        let left = await disks.finish(isRunning: power != .off)
        job.log.info(
            "\(name): \(memory == nil ? "its disks" : "disks and RAM") as in \(job.snapshot), \(power.summary)\(left)")
    }

    /// What else is on a dataset that is not mounted cannot be seen, and a rollback would take it along.
    private func requireMounts(of source: RestoreSource) throws {
        for image in source.definition.images
        where image.relativePath != nil && job.storage.mountTable.mountPoints(of: image.dataset).isEmpty {
            throw RestoreError(
                .refused,
                "\(image.dataset) is not mounted; mount it with: "
                    + "zfs mount \(shellQuoted("\(image.dataset)"))")
        }
    }
}

/// How a VM's disks get back to where they were.
protocol DiskRestorer: Sendable {
    /// What takes long and touches nothing that is in use.
    func prepare() async throws
    /// Undoes `prepare`.
    func discardPrepared() async
    /// Puts the disks back; the VM is stopped.
    func restoreFormerDisks() async throws
    /// Undoes `restoreFormerDisks` where that can be when it, or what came after it, failed, and says what state the disks are in.
    /// The VM is off.
    func stateAfterFailure() async -> String
    /// Where the present disks are; nothing is touched.
    var whereabouts: String { get }
    /// Cleans up; what is left, for the last line.
    func finish(isRunning: Bool) async -> String
}
