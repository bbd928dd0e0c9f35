package import Configuration
internal import Glibc
internal import Hypervisor
internal import Logging
package import RunState
internal import Support
internal import ZFS

/// Brings an open run to its end: its VMs are released, its snapshots say what each got, the catalogue knows of it.
///
/// post-snapshot does that, and in its place the watchdog and recovery.
package struct RunCompletion: Sendable {
    package let context: ProgramContext
    package let configuration: Configuration
    package let configurationPath: String?
    /// Whoever reads what it says has read what pre-snapshot said.
    package var followsPre = false

    package init(
        context: ProgramContext, configuration: Configuration, configurationPath: String?, followsPre: Bool = false
    ) {
        self.context = context
        self.configuration = configuration
        self.configurationPath = configurationPath
        self.followsPre = followsPre
    }

    private var catalogue: Catalogue { Catalogue(StateDirectory(configuration.stateDirectory)) }

    /// Ends a run; whether nothing of it is left. When something is, it stays open.
    /// - Throws: StateError when the catalogue cannot be written; the run then stays open, or its RAM would be forgotten.
    package func end(_ journal: Journal) async throws -> Bool {
        let hypervisors = Hypervisors(configuration, context)
        await journal.allowLostWrites()
        var before = await journal.run
        let naming = Task { await nameSnapshots(journal) }
        let stage = releasing(journal, hypervisors)
        let first = await stage.begin()
        let programs = await stage.beginPrograms()
        await naming.value
        before.earlyRelease = await journal.run.earlyRelease
        let held = before
        await recheckShutDownVMs(journal, hypervisors)
        // Beside the release: neither zfs nor a VM that is not held may keep one that is on its overlays.
        async let settled = applyResults(held, (first, programs), journal, hypervisors)
        let isReleased = await stage.run(first, programs: programs)
        let listed = await settled
        await hypervisors.close()
        // What zfs does not tell now it tells when the release is tried again.
        if isReleased, case .failure = listed { await applyEarlyRelease(held, listed, journal) }
        let taken = await applySnapshotAbsence(listed, journal)
        report(await journal.run, after: held)
        await remember(await journal.run, isReleased: isReleased)
        // post-snapshot itself has noted by now that it is at work.
        let found = followsPre ? nil : held.phase
        let notice = RunNotice(context, configuration, configurationPath)
        guard isReleased else {
            await notice.tell(journal.run, .open, asFoundIn: found)
            let names = await journal.run.machines.filter { $0.freezeState != nil }.map { printable($0.name) }
            let who = names.joined(separator: ", ")
            context.log.error("the run \(held.id) is still open, with \(who); fix the cause, then: stillpoint recover")
            return false
        }
        do {
            try writeRestorePoint(await journal.run, taken)
            try await journal.close()
        } catch {
            await notice.tell(journal.run, .open, asFoundIn: found, ["\(error)"])
            throw error
        }
        // Before the archive: of RAM that waits the next run thinks again, and of this run's problems nobody does.
        let run = await journal.run
        await notice.tell(run, run.isUntaken == true ? .untaken : .released, asFoundIn: found)
        await archive()
        return true
    }

    /// Releases the VMs and leaves the run for the post that may still come; whether nothing is held any more.
    func release(_ journal: Journal) async -> Bool {
        let hypervisors = Hypervisors(configuration, context)
        await journal.allowLostWrites()
        let stage = releasing(journal, hypervisors)
        let first = await stage.begin()
        await recheckShutDownVMs(journal, hypervisors)
        let isReleased = await stage.run(first)
        await hypervisors.close()
        return isReleased
    }

    /// Releases some VMs before the others, which stay as they are; the run stays open.
    func release(_ machines: Set<VMKey>, because reason: String, _ journal: Journal) async {
        let held = await journal.run.machines.filter { machines.contains($0.key) && $0.freezeState != nil }
        guard !held.isEmpty else { return }
        let early = EarlyRelease(began: Int64(time(nil)), reason: reason)
        let names = held.map { printable($0.name) }.joined(separator: ", ")
        context.log.warning("released: \(names), since \(reason)")
        let hypervisors = Hypervisors(configuration, context)
        await journal.allowLostWrites()
        await releasing(journal, hypervisors).releaseEarly(Set(held.map(\.key)), early)
        await hypervisors.close()
    }

    /// Settles what each VM got and says so on the snapshots.
    /// - Parameters:
    ///   - held: the run as it was before the release.
    ///   - releases: the thaws, and what programs release: whether a guest was frozen until now is known by their answers.
    private func applyResults(
        _ held: Run, _ releases: (first: Task<Void, Never>, programs: Task<Void, Never>?), _ journal: Journal,
        _ hypervisors: Hypervisors
    ) async -> Listed {
        await downgradeUnfinishedVMs(held, journal)
        if held.machines.contains(where: { $0.freezeState?.strategy == .freeze }) {
            await releases.first.value
            await downgradeUnthawedVMs(held, journal)
        }
        await releases.programs?.value
        // The snapshots are listed once for all that needs it; a recursive one's parent may hold no disk of a VM.
        let run = await journal.run
        let names = Set(SnapshotProperties.bySnapshot(of: run).values.flatMap { $0 } + run.snapshots).sorted()
        async let listing = list(names)
        await recheckIdleVMs(held, journal, hypervisors)
        let listed = await listing
        if case .success = listed { await applyEarlyRelease(held, listed, journal) }
        await markSnapshots(await journal.run, listed)
        return listed
    }

    private func releasing(_ journal: Journal, _ hypervisors: Hypervisors) -> ReleaseStage {
        ReleaseStage(
            journal: journal, hypervisors: hypervisors, configuration: configuration, log: context.log)
    }

    private func list(_ names: [SnapshotName]) async -> Listed {
        do {
            let found = try await context.zfs.snapshots(named: names, properties: ["creation"])
            let unseen = Set(names).subtracting(found.map(\.name))
            // A pool that is not imported, as at a boot, has its snapshots all the same.
            let missing = unseen.isEmpty ? [] : try await context.zfs.missing(of: Set(unseen.map(\.dataset)))
            return missing.isEmpty ? .success(found) : .failure(ZFSError(missing: missing))
        } catch {
            return .failure(error)
        }
    }

    /// For those who ask later how it went; no run fails for that, or waits for a disk that hangs.
    private func remember(_ run: Run, isReleased: Bool) async {
        guard run.kind == .snapshots else { return }
        let outcome: HistoryEntry.Outcome = isReleased ? run.isUntaken == true ? .untaken : .released : .open
        await RunHistory(StateDirectory(configuration.stateDirectory)).remember(run, outcome, log: context.log)
    }

    private func writeRestorePoint(_ run: Run, _ listed: Listed) throws {
        let writing = RestorePointWriting(catalogue: catalogue, log: context.log)
        let isWaiting = try writing.write(run, listed, coldStorage: configuration.coldStorage)
        if isWaiting {
            context.log.info("RAM dumps of this run are on their way to \(configuration.coldStorage ?? "")")
        }
    }

    /// Also for what an earlier archiving left undone.
    private func archive() async {
        guard configuration.coldStorage != nil, let executable = context.executable,
            !catalogue.runsToArchive().isEmpty
        else { return }
        let archive = BackgroundCommand(
            command: "archive", title: "RAM dumps", otherwise: "RAM dumps stay in ram_dir", executable: executable,
            environment: context.environment, log: context.log)
        await archive.launch(configuration: configurationPath)
    }
}
