internal import Configuration
internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import Support
internal import ZFS

/// What may stand in the way of a run, seen before anything is touched.
extension PreSnapshot {
    /// - Throws: WorkFolderError where overlays or RAM dumps would have no place of their own.
    func checkWorkFolders(_ plan: [PlannedVM], _ call: Call) async throws {
        try await requireTrustInPrograms(plan)
        let storage = call.planner.storage
        let room = OverlaySpaceCheck(scope: call.scope, storage: storage)
        for (directory, machines) in Dictionary(
            grouping: plan.filter(\.mayGetOverlays), by: \.hypervisor.overlayDirectory)
        {
            guard let directory else { continue }
            try room.check(directory, disks: machines.reduce(0) { $0 + $1.disks.count })
        }
        for directory in Set(plan.filter(\.mayBeHeld).compactMap(\.hypervisor.mappedOverlayDirectory)) {
            try WorkFolder(key: .overlayDirectory, path: directory).requireOther(than: call.scope, storage)
        }
        if plan.contains(where: {
            $0.mayBeHeld && $0.strategies.contains(.memory) && $0.hypervisor.overlayDirectory != nil
        }) {
            try WorkFolder(key: .ramDirectory, path: configuration.ramDirectory).check(call.scope, storage)
            try await requireTrustInColdStorage()
        }
    }

    /// Those of `exec:PATH`. Whether they are there, and run, is seen when they are called.
    /// - Throws: UntrustedProgramError.
    private func requireTrustInPrograms(_ plan: [PlannedVM]) async throws {
        for path in Set(plan.filter(\.mayBeHeld).flatMap(\.strategies).compactMap(\.program)).sorted() {
            do {
                try await blocking("checking \(printable(path))", within: .seconds(2)) {
                    try TrustedProgram(path).checkOwners()
                }
            } catch let problem as UntrustedProgramError {
                throw problem
            } catch {
                context.log.warning("\(error)")
            }
        }
    }

    /// The snapshot does not wait for a cold storage that hangs: whoever moves the dumps there checks again.
    private func requireTrustInColdStorage() async throws {
        guard let path = configuration.coldStorage else { return }
        let folder = WorkFolder(key: .coldStorage, path: path)
        do {
            try await blocking("checking cold_storage", within: .seconds(2)) { try folder.requireTrust() }
        } catch let problem as WorkFolderError where problem.code == .notTrusted {
            throw problem
        } catch {
            context.log.warning("\(error)")
        }
    }

    /// Notes which snapshots have the announced names already. While the manager waits it takes none, so they hold nothing of
    /// what is frozen now. Where zfs does not tell within a second, their time has to tell it.
    func noteExistingSnapshots(_ journal: Journal) async {
        let run = await journal.run
        let names = Set(run.snapshots.flatMap { run.names(takenWith: $0) }).sorted()
        guard !names.isEmpty else { return }
        let found = await withDeadline(.now + .seconds(1)) { try? await context.zfs.guids(of: names) }
        guard let existing = found ?? nil, !existing.isEmpty else { return }
        // Where that cannot be written, the freeze says so.
        try? await journal.record { $0.existing = existing.values.sorted() }
        let shown = existing.keys.sorted().prefix(3).map { printable($0.rawValue) }.joined(separator: ", ")
        context.log.warning("there already: \(shown); another of the name can be taken only when it is destroyed")
    }

    /// Where zfs does not tell within a second, nothing is foreseen.
    func foreseenShortages(_ scope: Scope) async -> [String] {
        let room = SnapshotSpaceForecast(zfs: context.zfs)
        let found = await withDeadline(.now + .seconds(1)) {
            let plain = scope.targets.filter { !scope.recursiveTargets.contains($0) }
            let recursive = try? await room.shortages(of: scope.recursiveTargets, recursive: true)
            return (recursive ?? []) + ((try? await room.shortages(of: plain, recursive: false)) ?? [])
        }
        return found ?? []
    }
}
