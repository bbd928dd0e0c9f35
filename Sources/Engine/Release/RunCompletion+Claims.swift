internal import Glibc
internal import Hypervisor
internal import Logging
internal import RunState
internal import Support
internal import ZFS

/// What each VM got, by what was seen of it: a claim is lowered where anything is in doubt.
extension RunCompletion {
    /// A VM that was off during pre-snapshot may have been started before the snapshot.
    func recheckIdleVMs(_ held: Run, _ journal: Journal, _ hypervisors: Hypervisors) async {
        let off = held.machines.enumerated().filter {
            $0.element.consistency == .off && $0.element.strategy == nil
        }
        await recheck(off, held, journal, hypervisors)
    }

    /// The same of those that were shut down for the snapshot, while they are not started yet. They do not wait for it long.
    func recheckShutDownVMs(_ journal: Journal, _ hypervisors: Hypervisors) async {
        let held = await journal.run
        let off = held.machines.enumerated().filter {
            $0.element.freezeState?.strategy == .shutdown && $0.element.consistency == .off
        }
        guard !off.isEmpty else { return }
        let isDone: Void? = await withDeadline(.now + .seconds(2)) { await recheck(off, held, journal, hypervisors) }
        guard isDone == nil else { return }
        for (index, _) in off {
            await downgrade(index, held, because: "whether it was off until now is not known", .vmChanged, journal)
        }
    }

    private func recheck(
        _ off: [(offset: Int, element: VMRecord)], _ held: Run, _ journal: Journal, _ hypervisors: Hypervisors
    ) async {
        let written = await DiskAtRest.written(of: off.map { $0.element.disksAtRest ?? [] })
        for ((index, _), paths) in zip(off, written) where !paths.isEmpty {
            let paths = paths.joined(separator: ", ")
            let doubt = "it was off, but \(paths) was written between pre and post"
            await downgrade(index, held, because: doubt, .vmChanged, journal)
        }
        let idle = zip(off, written).filter(\.1.isEmpty).map(\.0)
        for (name, records) in Dictionary(grouping: idle, by: \.element.hypervisor) {
            do {
                let atRest = try await atRest(Set(records.map(\.element.id)), of: hypervisors.named(name))
                for (index, record) in records where !atRest.contains(record.id) {
                    await downgrade(
                        index, held, because: "it was started between pre-snapshot and post-snapshot", .vmChanged,
                        journal)
                }
            } catch {
                for (index, _) in records {
                    let doubt =
                        "it was off before the snapshot; whether afterwards too is not known: \(error)"
                    await downgrade(index, held, because: doubt, .vmChanged, journal)
                }
            }
        }
    }

    /// Those that are off or gone; all VMs are read at once where there are many.
    private func atRest(_ ids: Set<String>, of hypervisor: any Hypervisor) async throws -> Set<String> {
        var machines: [VirtualMachine] = []
        if ids.count > 3 {
            machines = try await hypervisor.virtualMachines()
        } else {
            for id in ids { try await hypervisor.virtualMachine(id: id).map { machines.append($0) } }
        }
        return ids.subtracting(machines.filter { !$0.power.isAtRest }.map(\.id))
    }

    /// Lowers the consistency of VMs that were not seen to be frozen.
    func downgradeUnfinishedVMs(_ held: Run, _ journal: Journal) async {
        for (index, record) in held.machines.enumerated() where record.consistency == nil {
            await downgrade(index, held, because: "pre-snapshot did not finish", .unfinished, journal)
        }
    }

    /// Lowers the consistency of VMs whose guests have not said that they were frozen until they were told to thaw.
    func downgradeUnthawedVMs(_ held: Run, _ journal: Journal) async {
        for (index, record) in await journal.run.machines.enumerated()
        where record.freezeState?.strategy == .freeze && record.consistency != .crash {
            let doubt = "whether the guest was still frozen is not known: it does not answer the thaw"
            await downgrade(index, held, because: doubt, .thawUnknown, journal)
        }
    }

    /// Lowers the consistency of VMs that were released before a snapshot was taken, or may have been.
    func applyEarlyRelease(_ held: Run, _ listed: Listed, _ journal: Journal) async {
        let run = await journal.run
        guard run.machines.contains(where: { $0.early(in: held) != nil }) else { return }
        var lowered: [String] = []
        for (index, record) in run.machines.enumerated() where record.claimsFreeze || record.ramDump != nil {
            guard let early = record.early(in: held) else { continue }
            switch SnapshotOrder(of: record, in: run, early, listed) {
            case .earlier: continue
            case .later:
                let reason = "released before the snapshot was taken: \(early.reason)"
                await downgrade(index, held, because: reason, .releasedEarly, journal)
                // RAM of another instant than the disks' would ruin them.
                await deleteDump(index, journal)
            case .unknown(let why):
                guard record.claimsFreeze else { continue }
                let doubt = "it may have been released before the snapshot was taken (\(why)): \(early.reason)"
                await downgrade(index, held, because: doubt, .releasedEarly, journal)
            }
            if !lowered.contains(early.reason) { lowered.append(early.reason) }
        }
        for reason in lowered {
            context.log.warning("the VMs were released before the snapshot was known to be taken: \(reason)")
        }
    }

    /// Lowers the claim. The RAM is kept: to know nothing of it is no reason to delete it.
    /// - Parameter held: the run as it was before the release.
    private func downgrade(
        _ index: Int, _ held: Run, because doubt: String, _ code: ReasonCode, _ journal: Journal
    ) async {
        let run = await journal.run
        let record = run.machines[index]
        // Held and whole, though pre-snapshot did not live to tell of it.
        let unreported = held.machines[index].freezeState.flatMap { $0.step == .held ? $0.ramDump : nil }.flatMap(
            RAMDump.init(at:))
        let kept = record.ramDump ?? unreported
        // Good for a snapshot that turns out to be earlier, where nothing else is in doubt.
        let usableUntil = record.consistency == .memory ? record.early(in: run)?.began : record.ramUsableUntil
        try? await journal.record(machine: index) { record in
            record.downgrade(to: .crash, because: code)
            record.ramDump = kept
            record.ramUsableUntil = kept == nil ? nil : usableUntil
            record.notes.append(doubt)
        }
    }

    func deleteDump(_ index: Int, _ journal: Journal) async {
        guard let dump = await journal.run.machines[index].ramDump else { return }
        unlink(dump.path)
        try? await journal.record(machine: index) { record in
            record.ramDump = nil
            record.ramUsableUntil = nil
        }
    }

    /// A snapshot without properties is still a good snapshot: trouble here is said and no more.
    func markSnapshots(_ run: Run, _ listed: Listed) async {
        var isMarked = false
        guard run.isUntaken != true else { return }
        // One that was there before anything was frozen: the post-snapshot that names it is another run's.
        let older = Set(((try? listed.get()) ?? []).filter { run.isOlder($0) }.map(\.name))
        for (properties, snapshots) in SnapshotProperties.bySnapshot(of: run) {
            do {
                let outcomes = try await context.zfs.setUserProperties(
                    properties.pairs, on: snapshots.filter { !older.contains($0) })
                isMarked = isMarked || outcomes.values.contains(.set)
            } catch {
                context.log.warning("the properties of the snapshots could not be set: \(error)")
                return
            }
        }
        // Where there is none, the report says so.
        if !isMarked, !run.snapshots.isEmpty, case .failure(let error) = listed { context.log.warning("\(error)") }
    }
}

extension Run {
    /// It was there before anything was frozen. ZFS tells whole seconds; of its own second only who looked before knows.
    func isOlder(_ snapshot: ListedSnapshot) -> Bool {
        snapshot.creation ?? .max < id.time ?? .min || existing?.contains(snapshot.guid) == true
    }
}

extension VMRecord {
    /// Its own release came before the run's.
    fileprivate func early(in run: Run) -> EarlyRelease? { earlyRelease ?? run.earlyRelease }

    /// What it got depends on that nobody released it.
    fileprivate var claimsFreeze: Bool {
        consistency == .quiesced || consistency == .memory || (consistency == .off && strategy != nil)
    }
}
