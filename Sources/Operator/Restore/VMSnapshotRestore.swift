internal import Configuration
internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import Support
internal import ZFS

/// Restores a VM whose storage snapshot holds a VM snapshot to revert to: one of vSphere.
struct VMSnapshotRestore: Sendable {
    let job: RestoreJob
    let hypervisor: any SnapshotReverting
    let run: RunID
    let machine: RestorePointVM
    /// The snapshots that hold its disks.
    let snapshots: [SnapshotName]

    /// Nil when the VM is not of such a hypervisor, or not known.
    /// - Throws: RestoreError `.refused`, ZFSError, UnknownSnapshotError.
    static func find(_ job: RestoreJob) async throws -> VMSnapshotRestore? {
        // The usual host has none, and its restores need not ask.
        guard try await job.hypervisors.all().contains(where: { $0 is any SnapshotReverting }) else { return nil }
        let listed = try await job.zfs.snapshot(job.snapshot, properties: SnapshotProperties.listedKeys)
        let points = RestorePoints(job.catalogue, coldStorage: job.configuration.coldStorage)
        guard let (point, kept) = points.point(of: listed), points.isVouchedForRun(of: point) else { return nil }
        let meant = point.machines.filter { $0.id == job.options.machine || $0.name == job.options.machine }
        guard let machine = meant.first,
            let hypervisor = try await job.hypervisors.named(machine.hypervisor) as? any SnapshotReverting
        else { return nil }
        guard meant.count == 1 else {
            let ids = meant.map { printable($0.id) }.joined(separator: ", ")
            throw RestoreError(
                .refused, "\(job.snapshot) holds several VMs \(printable(machine.name)); name one by its id: \(ids)")
        }
        guard kept.name.dataset == job.snapshot.dataset else {
            throw RestoreError(.refused, "\(job.snapshot) is a copy of \(kept.name); restore it where it was taken")
        }
        guard machine.datasets.contains(job.snapshot.dataset) else {
            let places = machine.datasets.map(\.rawValue).joined(separator: ", ")
            throw RestoreError(
                .refused, "no disk of \(printable(machine.name)) is in \(job.snapshot); it has some on \(places)")
        }
        return VMSnapshotRestore(
            job: job, hypervisor: hypervisor, run: point.run, machine: machine,
            snapshots: try machine.datasets.sorted().map { try SnapshotName(dataset: $0, name: job.snapshot.name) })
    }

    /// The VM ran when its snapshot was taken.
    private var ran: Bool { machine.consistency != .off }
    /// One that was off in the snapshot may have been shut down for it.
    private var isStarted: Bool { ran || job.options.start }
    private var hasSnapshot: Bool { machine.consistency == .quiesced || machine.consistency == .memory }
    private var name: String { printable(machine.name) }

    /// Powers the VM off, rolls its datasets back, reverts it and starts it if it ran.
    /// - Throws: RestoreError.
    func run() async throws {
        var claim = try RestoreLock(
            VMRecord(
                hypervisor: machine.hypervisor, id: machine.id, name: machine.name, datasets: machine.datasets),
            in: job.directory)
        do {
            try await rollBackAndRevert(&claim)
        } catch {
            try? claim.end()
            throw error
        }
        try claim.end()
    }

    private func rollBackAndRevert(_ claim: inout RestoreLock) async throws {
        try await requireDisk()
        let others = try await others()
        guard others.isEmpty else {
            throw RestoreError(
                .refused,
                "also on its datasets: \(others.joined(separator: ", ")); a rollback would take that back too. "
                    + "Beside it, by hand:\n\(stepsBeside)")
        }
        let rollback = try await RollbackRestorer(
            snapshots: snapshots, zfs: job.zfs, destroyNewer: job.options.destroyNewer)
        try claim.begin()
        try await PowerOff(hypervisor: hypervisor, id: machine.id, name: machine.name).run()
        var isRolledBack = false
        do {
            try await rollback.restoreFormerDisks()
            isRolledBack = true
            let notes = try await hypervisor.revert(
                RevertRequest(
                    id: machine.id, name: machine.name, run: hasSnapshot ? run.text : nil, isStarted: isStarted))
            for note in notes { job.log.info("\(name): \(note)") }
        } catch {
            let state = isRolledBack ? "Its datasets are rolled back." : await rollback.stateAfterFailure()
            throw RestoreError(
                .halfDone, "\(name) is off and not restored. \(state) Fix the cause and restore again", cause: error)
        }
        let left = await rollback.finish(isRunning: isStarted)
        job.log.info("\(name): as in \(job.snapshot), \(isStarted ? "started" : "off")\(left)")
    }

    /// Whatever id the restore point names: a VM that has no disk on the dataset is not the one that was in it.
    private func requireDisk() async throws {
        let (own, _) = try await job.machines(besides: VMKey(machine.id, of: machine.hypervisor))
        guard !own.isEmpty,
            DatasetUsers(storage: job.storage).machines(on: [job.snapshot.dataset], own).isEmpty
        else { return }
        throw RestoreError(
            .refused,
            "\(name) (\(printable(machine.id))) has no disk on \(job.snapshot.dataset) now, so nothing is rolled back")
    }

    /// Who or what else is on its datasets, in words.
    private func others() async throws -> [String] {
        let (own, others) = try await job.machines(besides: VMKey(machine.id, of: machine.hypervisor))
        let machines = DatasetUsers(storage: job.storage).machines(on: machine.datasets, others)
        return machines.isEmpty ? foreignFolders(own.flatMap(\.disks)) : machines
    }

    /// Folders of a datastore that hold no image of the VM; a hidden one is ESXi's, or ours.
    private func foreignFolders(_ disks: [Disk]) -> [String] {
        let own = Set(disks.flatMap(\.chain).compactMap(datastoreFolder))
        return machine.datasets.flatMap { dataset in
            job.storage.mountTable.mountPoints(of: dataset).prefix(1).flatMap { point in
                FileAccess.names(in: point).filter { !$0.hasPrefix(".") && !own.contains($0) }.map { "\(point)/\($0)" }
            }
        }.filter { !isMount($0) }
    }

    /// What is mounted there is another dataset's, which a rollback of this one does not touch.
    private func isMount(_ folder: String) -> Bool {
        job.storage.mountTable.mounts.contains { $0.mountPoint == folder || $0.mountPoint.hasPrefix(folder + "/") }
    }

    /// `web` of `[nfs-vm] web/web_1.vmdk`.
    private func datastoreFolder(_ path: String) -> String? {
        guard let end = path.firstIndex(of: "]") else { return nil }
        return path[path.index(after: end)...].drop { $0 == " " }.split(separator: "/").first.map(String.init)
    }
}

extension VMSnapshotRestore {
    /// What `--in-place` does, step by step.
    var steps: String {
        let rollbacks = snapshots.map { "   zfs rollback \(shellQuoted("\($0)"))\n" }.joined()
        let revert =
            hasSnapshot
            ? "4. Revert it to its snapshot \"stillpoint \(run)\", and delete that snapshot.\n"
            : "4. It has no VM snapshot in there: its disks are what a power cut leaves.\n"
        return """
            \(name) in \(job.snapshot): \(machine.consistency.rawValue). stillpoint restore --in-place does this:
            1. Power the VM off.
            2. Roll back (newer snapshots must be destroyed first, which --destroy-newer does):
            \(rollbacks)3. Reload the VM, so that its files are read again.
            \(machine.consistency == .off ? "" : revert)\(isStarted ? "5. Power it on.\n" : "")Beside the present VM:
            \(stepsBeside)

            """
    }

    /// How it is restored without touching the VM that is there.
    var stepsBeside: String {
        let clones = snapshots.map {
            "   zfs clone \(shellQuoted("\($0)")) \(shellQuoted("\($0.dataset)-restored"))\n"
        }.joined()
        return """
            1. Clone what holds its disks:
            \(clones)2. Offer the clone to the host: share it over NFS like the original, or make a LUN of the volume.
            3. Mount it as a datastore (a VMFS copy: with a new signature) and register the .vmx in it under a new name.
            4. \(hasSnapshot ? "Revert that VM to its snapshot \"stillpoint \(run)\"; its" : "Its") network adapters are those \
            of the original: disconnect them first.
            """
    }
}
