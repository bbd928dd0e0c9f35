internal import Glibc
internal import Hypervisor
internal import Logging
internal import Storage

/// Brings an open run to its end: its VMs are released, its snapshots say what each got, the catalogue knows of it.
///
/// post-snapshot does that, and in its place the guard and recovery.
struct RunEnding: Sendable {
    let context: HookContext
    let configuration: Configuration
    let configurationPath: String?

    private var catalogue: Catalogue { Catalogue(StateDirectory(configuration.stateDirectory)) }

    /// Ends a run; whether nothing of it is left. When something is, it stays open.
    /// - Throws: StateError when the catalogue cannot be written; the run then stays open, or its RAM would be forgotten.
    func end(_ journal: Journal) async throws -> Bool {
        let hypervisors = Hypervisors(configuration, backEnds: context.backEnds)
        await journal.allowLostWrites()
        await lookAgainAtIdleMachines(journal, hypervisors)
        await settle(journal)
        // What a VM got is settled now, so the snapshots can say it while it is being released.
        let run = await journal.run
        async let marked: Void = markSnapshots(run)
        let isReleased = await releasing(journal, hypervisors).run()
        await marked
        await hypervisors.close()
        for machine in await journal.run.machines { context.log.info("\(machine.reportLine)") }
        guard isReleased else {
            context.log.error("the run \(run.id) is still open; mend the cause, then: stillpoint recover")
            return false
        }
        try await keep(await journal.run)
        try await journal.close()
        archive()
        return true
    }

    /// Lets the VMs go and leaves the run for the post that may still come; whether nothing is held any more.
    func release(_ journal: Journal) async -> Bool {
        let hypervisors = Hypervisors(configuration, backEnds: context.backEnds)
        await journal.allowLostWrites()
        let isReleased = await releasing(journal, hypervisors).run()
        await hypervisors.close()
        return isReleased
    }

    private func releasing(_ journal: Journal, _ hypervisors: Hypervisors) -> Releasing {
        Releasing(journal: journal, hypervisors: hypervisors, maxParallel: configuration.maxParallel, log: context.log)
    }

    private func keep(_ run: Run) async throws {
        let writing = RestorePointWriting(catalogue: catalogue, zfs: context.zfs, log: context.log)
        let isWaiting = try await writing.write(run, coldStorage: configuration.coldStorage)
        if isWaiting {
            context.log.info("RAM dumps of this run are on their way to \(configuration.coldStorage ?? "")")
        }
    }

    /// Also for what an earlier archiving left undone.
    private func archive() {
        guard configuration.coldStorage != nil, let executable = context.executable,
            !catalogue.runsToArchive().isEmpty
        else { return }
        ArchiveLauncher(executable: executable, environment: context.environment, log: context.log)
            .launch(configuration: configurationPath)
    }
}

// MARK: what each VM got

extension RunEnding {
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
            await lower(index, because: doubt, journal)
        }
    }

    /// Lowers what is said of VMs that were not at their still point any more, or not seen to be at it yet.
    private func settle(_ journal: Journal) async {
        let run = await journal.run
        for (index, record) in run.machines.enumerated() where record.consistency == nil {
            await lower(index, because: "pre-snapshot did not come to its end", journal)
        }
        guard let early = run.earlyRelease, await isAnySnapshotLater(than: early, run) else { return }
        context.log.warning("the VMs were released before the snapshot was taken: \(early.reason)")
        for (index, record) in run.machines.enumerated() where record.wasHeld {
            await lower(index, because: "released before the snapshot was taken: \(early.reason)", journal)
        }
    }

    private func lower(_ index: Int, because doubt: String, _ journal: Journal) async {
        let record = await journal.run.machines[index]
        // RAM of another instant than the disks' would ruin them; one that was held but never told of counts as well.
        let untold = record.hold.flatMap { $0.step == .held ? $0.ramDump : nil }
        if let dump = record.ramDump?.path ?? untold { unlink(dump) }
        try? await journal.record(machine: index) { record in
            record.consistency = .crash
            record.ramDump = nil
            record.notes.append(doubt)
        }
    }

    private func isAnySnapshotLater(than early: EarlyRelease, _ run: Run) async -> Bool {
        let names = SnapshotProperties.bySnapshot(of: run).values.flatMap { $0 }
        do {
            // ZFS tells whole seconds: one taken in the second in which the release began is not trusted.
            return try await context.zfs.snapshots(named: names, properties: ["creation"])
                .contains { Int64($0.properties["creation"] ?? "") ?? .max >= early.began }
        } catch {
            context.log.warning("\(error)")
            return true
        }
    }

    /// Those that were there before anything was frozen: a post-snapshot that names one of them is another run's.
    private func snapshotsOlder(than run: Run) async -> Set<SnapshotName> {
        let names = SnapshotProperties.bySnapshot(of: run).values.flatMap { $0 }
        guard let began = runTime(run.id),
            let found = try? await context.zfs.snapshots(named: names, properties: ["creation"])
        else { return [] }
        return Set(found.filter { Int64($0.properties["creation"] ?? "") ?? .max < began }.map(\.name))
    }

    /// A snapshot without properties is still a good snapshot: trouble here is said and no more.
    private func markSnapshots(_ run: Run) async {
        var isMarked = false
        let older = await snapshotsOlder(than: run)
        for (properties, snapshots) in SnapshotProperties.bySnapshot(of: run) {
            do {
                let outcomes = try await context.zfs.setUserProperties(
                    properties.pairs, on: snapshots.filter { !older.contains($0) })
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

extension MachineRecord {
    /// What it got depends on that nobody let it go.
    fileprivate var wasHeld: Bool { consistency == .quiesced || consistency == .memory }
}
