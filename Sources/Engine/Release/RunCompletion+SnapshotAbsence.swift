internal import Hypervisor
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// Whether a snapshot was taken at all while the VMs were held: what they got is a claim about one.
extension RunCompletion {
    /// Takes back what is claimed where no snapshot was taken, and finds those that nobody named.
    ///
    /// Where zfs does not answer nothing is known, and all stays as it is.
    /// - Parameter listed: those of the snapshots that were announced.
    /// - Returns: the snapshots that hold the VMs as they were held.
    func applySnapshotAbsence(_ listed: Listed, _ journal: Journal) async -> Listed {
        let run = await journal.run
        guard let named = try? listed.get(), !run.machines.isEmpty else { return listed }
        guard run.isUntaken != true else {
            await disclaim(
                run.machines.indices.map { $0 }, "no snapshot was taken while it was held",
                keepingRAM: run.frozenAt == nil && run.earlyRelease != nil, journal)
            return .success([])
        }
        // One that was there before is another run's.
        let new = named.filter { !run.isOlder($0) }
        let taken = Set(new.map(\.name.dataset))
        guard taken.isEmpty else {
            // zfs-auto-snapshot does not say whether a parent's snapshot takes the children along.
            let outside = run.machines.indices.filter { taken.isDisjoint(with: run.machines[$0].datasets) }
            await disclaim(outside, "no snapshot was taken of what its disks are on", journal)
            return .success(new)
        }
        // post-snapshot knows the names; without it one may have been renamed, as sanoid does when clocks are put back.
        guard run.snapshots.isEmpty || run.earlyRelease != nil else {
            await disclaim(run.machines.indices.map { $0 }, "no snapshot was taken", journal)
            await noteUntaken(journal)
            return .success([])
        }
        // A run whose pre-snapshot did not come to its end, or is an older version's, does not know since when it held; but
        // what was taken for it was taken since it began.
        guard run.frozenAt != nil || named.isEmpty, let frozen = run.frozenAt ?? run.id.time else { return listed }
        let end = run.earlyRelease?.began ?? .max
        let later: [ListedSnapshot]
        do {
            later = try await snapshots(of: run).filter { $0.creation ?? .max >= frozen }
        } catch {
            context.log.warning("\(error)")
            return listed
        }
        // ZFS tells whole seconds: of one taken in the second in which the release began nobody knows, so nothing is
        // deleted.
        guard !later.contains(where: { ($0.creation ?? end) == end }) else { return listed }
        guard run.frozenAt != nil || !later.contains(where: { $0.creation ?? .max < end }) else { return listed }
        // What was taken later holds VMs that were writing; it keeps its own silence.
        let found: [ListedSnapshot]
        do {
            found = try await unclaimed(later.filter { $0.creation ?? .max < end }, by: run)
        } catch {
            context.log.warning("\(error)")
            return listed
        }
        let datasets = Set(found.map(\.name.dataset))
        let uncovered = run.machines.indices.filter { datasets.isDisjoint(with: run.machines[$0].datasets) }
        await disclaim(
            uncovered, "no snapshot was taken while it was held", keepingRAM: run.frozenAt == nil, journal)
        guard !found.isEmpty else {
            await noteUntaken(journal)
            return .success([])
        }
        try? await journal.record { $0.snapshots = found.map(\.name) }
        await markSnapshots(await journal.run, .success(found))
        return .success(found)
    }

    /// Without those that say what another run's VMs got.
    func unclaimed(
        _ snapshots: [ListedSnapshot], by run: Run
    ) async throws(ZFSError) -> [ListedSnapshot] {
        guard !snapshots.isEmpty else { return [] }
        let marked = try await context.zfs.snapshots(
            named: snapshots.map(\.name), properties: ["creation", SnapshotProperties.runKey])
        return marked.filter { [nil, run.id].contains(SnapshotProperties.run(in: $0)) }
    }

    /// Those of the datasets that hold its VMs, whoever took them.
    func snapshots(of run: Run) async throws(ZFSError) -> [ListedSnapshot] {
        var found: [ListedSnapshot] = []
        for dataset in Set(run.machines.flatMap(\.datasets)).sorted() {
            found += try await context.zfs.ownSnapshots(of: dataset, properties: ["creation"])
        }
        return found
    }

    /// Nothing is said of these VMs, and the RAM that was dumped for a snapshot that does not exist is deleted.
    /// - Parameter keepsRAM: that there is none is not as sure as that.
    private func disclaim(
        _ indices: [Int], _ reason: String, keepingRAM keepsRAM: Bool = false, _ journal: Journal
    ) async {
        for index in indices {
            if !keepsRAM { await deleteDump(index, journal) }
            try? await journal.record(machine: index) { record in
                // What was to be crash-consistent, and what had failed before, says why itself.
                if record.reason == nil || record.consistency ?? .memory > .crash {
                    record.downgrade(to: .crash, because: .noSnapshot)
                }
                // A release that failed is tried again, and comes here again.
                if !record.notes.contains(reason) { record.notes.append(reason) }
            }
        }
    }

    private func noteUntaken(_ journal: Journal) async { try? await journal.record { $0.isUntaken = true } }

    /// What each VM got; where there is no snapshot, that.
    /// - Parameter held: the run as it was before the release.
    func report(_ run: Run, after held: Run) {
        guard run.isUntaken == true else {
            run.report(after: followsPre ? held : nil, to: context.log)
            return
        }
        let names = run.snapshots.map(\.rawValue).joined(separator: ", ")
        // Else who took it has said why not.
        let fix =
            run.manager == SnapshotManager.stillpoint.rawValue
            ? "" : ": read the snapshot manager's messages and check the pool's free space"
        let machines = run.machines.map { printable($0.name) }.joined(separator: ", ")
        let problem =
            "no snapshot was taken\(names.isEmpty ? "" : " (\(names))")\(fix); frozen in vain: \(machines)"
        context.log.error("\(problem)")
    }
}
