package import Configuration
internal import Hypervisor
package import Logging
package import RunState
internal import Support

/// Puts every frozen VM of a run back on its own disks, all at once but no more than `max_parallel`.
///
/// A journal that cannot be written holds up a freeze but never a release: what is on the disk names the overlays
/// already, and a VM that stays on one is the worse evil.
package struct ReleaseStage: Sendable {
    package let journal: Journal
    package let hypervisors: Hypervisors
    package let configuration: Configuration
    package let log: Logger

    package init(
        journal: Journal, hypervisors: Hypervisors, configuration: Configuration, log: Logger
    ) {
        self.journal = journal
        self.hypervisors = hypervisors
        self.configuration = configuration
        self.log = log
    }

    /// First of all: what comes after it can wait for a disk, for zfs or for another VM, and a guest that stands still
    /// cannot. But one that does not answer within a second keeps nobody else from anything.
    /// - Returns: the thaws and resumptions, which may still be running.
    package func begin() async -> Task<Void, Never> {
        let machines = await journal.run.machines
        let first = Task { [journal, hypervisors] in
            let answers = await FirstRelease(hypervisors: hypervisors).ask(machines)
            if !answers.isEmpty { await journal.change { $0.note(answers) } }
        }
        guard machines.contains(where: { $0.freezeState?.mayStandStill == true }) else { return first }
        _ = await withDeadline(.now + .seconds(1)) { await first.value }
        return first
    }

    /// Releases; whether nothing of the run is held any more.
    /// - Parameters:
    ///   - first: what `begin` has begun; guests that have not answered it yet are released after it.
    ///   - programs: what has released already those that a program holds, or could not; nil: that is to be done here.
    package func run(_ first: Task<Void, Never>, programs: Task<Void, Never>? = nil) async -> Bool {
        await journal.allowLostWrites()
        await note { $0.phase = .releasing }
        let machines = await journal.run.machines
        let late = machines.indices.filter { machines[$0].freezeState?.mayStandStill == true }
        let done = programs == nil ? [] : machines.indices.filter { machines[$0].freezeState?.isProgram == true }
        async let others: Void = release(machines.indices.filter { !late.contains($0) && !done.contains($0) })
        if !late.isEmpty {
            await first.value
            await release(late)
        }
        await others
        await programs?.value
        let isDone = await journal.run.machines.allSatisfy { $0.freezeState == nil }
        if isDone {
            await note { $0.phase = .released }
        }
        if let problem = await journal.lostWrite { log.error("\(problem)") }
        return isDone
    }

    /// Releases some VMs early; of the run, and of what the others are, nothing is said.
    func releaseEarly(_ keys: Set<VMKey>, _ early: EarlyRelease) async {
        let machines = await journal.run.machines
        let indices = machines.indices.filter { keys.contains(machines[$0].key) }
        // Before anything is done: a snapshot that is taken from now on holds VMs that were writing.
        await note { run in
            for index in indices where run.machines[index].earlyRelease == nil {
                run.machines[index].earlyRelease = early
            }
        }
        await release(indices)
    }

    func release(_ indices: [Int]) async {
        let machines = await journal.run.machines
        let places = Dictionary(grouping: indices, by: { machines[$0].hypervisor })
        await inParallel(places, limit: places.count) { name, indices in
            let limit = (try? await hypervisors.named(name))?.maxParallel ?? configuration.maxParallel
            await inParallel(indices, limit: limit) { await releaseOne($0) }
        }
    }

    private func releaseOne(_ index: Int) async {
        let record = await journal.run.machines[index]
        guard record.freezeState != nil else { return }
        do {
            await note { $0.machines[index].phase = .releasing }
            let overlayBytes = try await tryRepeatedly(index, record)
            await note {
                $0.machines[index].phase = .released
                $0.machines[index].overlayBytes = overlayBytes ?? $0.machines[index].overlayBytes
            }
        } catch {
            log.error("\(record.name): not released: \(error)")
            await note { $0.machines[index].phase = .failed }
        }
    }

    /// - Returns: the room that its overlays took, where that was seen.
    private func tryRepeatedly(_ index: Int, _ record: VMRecord) async throws -> UInt64? {
        var overlayBytes: UInt64?
        var backoff = Backoff(attempts: 3, first: .milliseconds(500))
        while let freezeState = await journal.run.machines[index].freezeState {
            do {
                if case .exec(let path) = freezeState.strategy {
                    try await releaseByProgram(index, path, freezeState)
                    continue
                }
                let hypervisor = try await hypervisors.named(record.hypervisor)
                if freezeState.strategy != nil {
                    try await OwnDiskRelease(
                        hypervisor: hypervisor, id: record.id, freezeState: freezeState,
                        shutdownTimeout: configuration.shutdownTimeout, maxHold: configuration.maxHold
                    ).run { [journal] in try await journal.record(machine: index, $0) }
                    continue
                }
                let request = ReleaseRequest(machineID: record.id, freezeState: freezeState)
                let result = try await hypervisor.release(request) { [journal] freezeState in
                    try await journal.record(machine: index) { $0.freezeState = freezeState }
                }
                overlayBytes = result.overlayBytes
                if !result.notes.isEmpty { await note { $0.machines[index].notes += result.notes } }
                guard await journal.run.machines[index].freezeState == nil else {
                    throw HypervisorError(
                        .changed, "its hypervisor has not confirmed that nothing is held any more", remedy: .stop)
                }
            } catch let error as HypervisorError where error.remedy == .retry {
                guard await backoff.wait() else { throw error }
                log.warning("\(record.name): \(error); trying again")
            }
        }
        return overlayBytes
    }

    func note(_ change: @Sendable (inout Run) -> Void) async {
        // Throws nothing: the journal was told that writes may be lost.
        try? await journal.record(change)
    }
}
