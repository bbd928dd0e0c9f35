internal import Hypervisor
internal import Logging
internal import Storage

/// `restore --in-place`: the VM itself goes back to its snapshot.
struct InPlaceRestore: Sendable {
    let job: RestoreJob

    func run() async throws {
        let clones = SnapshotClones(zfs: job.zfs)
        do {
            try await restore(clones)
        } catch {
            await destroy(clones)
            throw error
        }
        await destroy(clones)
    }

    private func destroy(_ clones: SnapshotClones) async {
        for clone in await clones.destroy() {
            job.log.warning("the clone \(clone) could not be destroyed; do it with: zfs destroy -r \(clone)")
        }
    }

    private func restore(_ clones: SnapshotClones) async throws {
        let source = try await job.search(clones) { dataset in
            try DatasetName("\(dataset.parent ?? dataset)/stillpoint-\(makeRunID())")
        }
        guard source.isAtHome else {
            throw RestoreError(
                .refused, "\(job.snapshot) is a copy of another dataset's snapshot; restore it there, or --as a new VM")
        }
        let hypervisor = try await job.hypervisor(of: source)
        let datasets = source.snapshots.keys.sorted()
        let (machine, directory) = (source.definition, job.directory)
        let claim = try RestoreClaim(
            MachineRecord(hypervisor: machine.hypervisor, id: machine.id, name: machine.name, datasets: datasets),
            in: directory)
        do {
            try await restore(source, clones, hypervisor, datasets)
        } catch {
            try? claim.end()
            throw error
        }
        try claim.end()
    }

    private func restore(
        _ source: RestoreSource, _ clones: SnapshotClones, _ hypervisor: any Hypervisor, _ datasets: [DatasetName]
    ) async throws {
        try requireMounts(of: source)
        let (own, machines) = try await job.machines(besides: source.definition.key)
        let images =
            source.definition.images.map(\.path)
            + own.flatMap(\.disks).filter(\.isOwn).flatMap(\.chain)
        let others = DatasetUse(storage: job.storage).others(on: datasets, than: images, machines)
        let disks: any DiskRestoration =
            if others.isEmpty {
                try await Rollback(
                    snapshots: source.snapshots.values.sorted(), zfs: job.zfs, destroyNewer: job.options.destroyNewer)
            } else {
                try await FileRestoration(source: source, clones: clones, job: job, others: machines)
            }
        if !others.isEmpty {
            let users = others.joined(separator: ", ")
            job.log.info("also on its datasets: \(users); so nothing is rolled back, the VM's own files are copied")
        }
        let memory = try await job.retrieveMemory(source, changeable: false)
        do {
            // Long work first, while the VM still runs.
            try await disks.prepare()
            try await hypervisor.stop(id: source.definition.id)
        } catch {
            memory?.remove()
            await disks.abandon()
            if let refusal = error as? RestoreError { throw refusal }
            throw RestoreError(.undone, "\(source.definition.name) was not restored", cause: error)
        }
        try await putBack(source, disks, memory, hypervisor)
    }

    private func putBack(
        _ source: RestoreSource, _ disks: any DiskRestoration, _ memory: MemoryRetrieval.Retrieved?,
        _ hypervisor: any Hypervisor
    ) async throws {
        let name = source.definition.name
        let power = job.power(hasMemory: memory != nil)
        do {
            try await disks.putBack()
            _ = try await hypervisor.restore(
                RestoreRequest(
                    definition: source.text, files: source.files, ramDump: memory?.path, power: power))
        } catch {
            let state = await disks.stateAfterFailure()
            // The copy stays, so that the RAM can be gone on from by hand.
            let ram = memory.map { " Its RAM is in \($0.path)." } ?? ""
            throw RestoreError(
                .halfDone, "\(name) is stopped and not restored. \(state)\(ram) Mend the cause and restore again",
                cause: error)
        }
        memory?.remove()
        let left = await disks.finish(isRunning: power != .off)
        job.log.info(
            "\(name): \(memory == nil ? "its disks" : "disks and RAM") as in \(job.snapshot), \(power.inWords)\(left)")
    }

    /// What else is on a dataset that is not mounted cannot be seen, and a rollback would take it along.
    private func requireMounts(of source: RestoreSource) throws {
        for image in source.definition.images
        where image.relativePath != nil && job.storage.mountTable.mountPoints(of: image.dataset).isEmpty {
            throw RestoreError(.refused, "\(image.dataset) is not mounted; mount it with: zfs mount \(image.dataset)")
        }
    }
}

/// How a VM's disks get back to where they were.
protocol DiskRestoration: Sendable {
    /// What takes long and touches nothing that is in use.
    func prepare() async throws
    /// Undoes `prepare`.
    func abandon() async
    /// Puts the disks back; the VM is stopped.
    func putBack() async throws
    /// Says what state the disks are in when `putBack`, or what came after it, failed.
    func stateAfterFailure() async -> String
    /// Cleans up; what is left, for the last line.
    func finish(isRunning: Bool) async -> String
}
