internal import Hypervisor
internal import Logging
internal import SnapshotManagers
internal import Storage

/// What post-snapshot does: find the open run, release its VMs, say on the snapshots what each got.
struct PostSnapshot: Sendable {
    let context: HookContext
    let invocation: Invocation
    let configuration: Configuration

    func begin() throws -> Hook.Step {
        let directory = StateDirectory(configuration.stateDirectory)
        let ids = try directory.openRunIDs()
        guard !ids.isEmpty else { return .finished(.done) }
        let open = OpenRuns(ids, in: directory)
        for problem in open.unreadable { context.log.error("\(problem)") }
        guard let found = open.match(invocation) else {
            return .finished(open.unreadable.isEmpty ? .done : .needsRecovery)
        }
        if invocation.isDryRun {
            for machine in found.machines { context.log.info("would release \(machine.reportLine)") }
            return .finished(.done)
        }
        return .work { try await finish(found.id, in: directory) }
    }

    private var catalogue: Catalogue { Catalogue(StateDirectory(configuration.stateDirectory)) }

    private func keep(_ run: Run) async throws {
        let writing = RestorePointWriting(catalogue: catalogue, zfs: context.zfs, log: context.log)
        let isWaiting = try await writing.write(run, coldStorage: configuration.coldStorage)
        if isWaiting { context.log.info("its RAM dumps are moved to \(configuration.coldStorage ?? "") from now on") }
    }

    private func finish(_ id: String, in directory: StateDirectory) async throws -> ExitCode {
        // Another process may be at it still: pre, or a second post. It may also have finished it meanwhile.
        let lock = try directory.lock(run: id, waiting: true)
        guard try directory.openRunIDs().contains(id) else { return .done }
        var run = try directory.read(id)
        run.snapshots += invocation.snapshots.filter { !run.snapshots.contains($0) }
        return try await release(Journal(run, in: directory, lock: lock))
    }

    private func release(_ journal: Journal) async throws -> ExitCode {
        let hypervisors = Hypervisors(configuration, backEnds: context.backEnds)
        let releasing = Releasing(
            journal: journal, hypervisors: hypervisors, maxParallel: configuration.maxParallel, log: context.log)
        await journal.allowLostWrites()
        await lookAgainAtIdleMachines(journal, hypervisors)
        // What a VM got was settled when it was frozen, so the snapshots can say it while it is being released.
        let run = await journal.run
        async let marked: Void = markSnapshots(run)
        let isReleased = await releasing.run()
        await marked
        await hypervisors.close()
        for machine in await journal.run.machines { context.log.info("\(machine.reportLine)") }
        guard isReleased else {
            context.log.error("the run \(run.id) is still open; call post-snapshot again once the cause is mended")
            return .needsRecovery
        }
        try await keep(await journal.run)
        try await journal.close()
        // Also for what an earlier archiving left undone.
        if configuration.coldStorage != nil, let executable = context.executable, !catalogue.runsToArchive().isEmpty {
            ArchiveLauncher(executable: executable, environment: context.environment, log: context.log)
                .launch(configuration: invocation.configurationPath)
        }
        return .done
    }

    /// A VM that was off when pre looked may have been started before the snapshot.
    private func lookAgainAtIdleMachines(_ journal: Journal, _ hypervisors: Hypervisors) async {
        for (index, record) in await journal.run.machines.enumerated() where record.consistency == .off {
            let doubt: String
            do {
                let machine = try await hypervisors.named(record.hypervisor).virtualMachine(id: record.id)
                guard let machine, machine.power != .off else { continue }
                doubt = "it was started between pre-snapshot and post-snapshot"
            } catch {
                doubt = "it was off before the snapshot; whether it was after it could not be seen: \(error)"
            }
            try? await journal.record(machine: index) { record in
                record.consistency = .crash
                record.notes.append(doubt)
            }
        }
    }

    /// A snapshot without properties is still a good snapshot: trouble here is said and no more.
    private func markSnapshots(_ run: Run) async {
        var isMarked = false
        for (properties, snapshots) in SnapshotProperties.bySnapshot(of: run) {
            do {
                let outcomes = try await context.zfs.setUserProperties(properties.pairs, on: snapshots)
                isMarked = isMarked || outcomes.values.contains(.set)
            } catch {
                context.log.warning("the snapshots could not be given their properties: \(error)")
                return
            }
        }
        if !isMarked, !run.snapshots.isEmpty {
            context.log.warning(
                "none of the snapshots exists: \(run.snapshots.map(\.rawValue).joined(separator: ", "))")
        }
    }
}
