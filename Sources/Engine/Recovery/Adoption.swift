package import Configuration
internal import Glibc
package import Hypervisor
internal import Logging
internal import RunState
internal import Support

/// Finds what runs have left behind whose state files are lost, and releases it.
package struct Adoption: Sendable {
    package let context: ProgramContext
    package let configuration: Configuration

    package init(context: ProgramContext, configuration: Configuration) {
        self.context = context
        self.configuration = configuration
    }

    /// A leftover on a VM of one of the hypervisors.
    package struct Found: Sendable, Equatable {
        let hypervisor: String
        package let leftover: Leftover

        /// What it is, in words, without the way out.
        package var summary: String {
            let disks = leftover.freezeState.disks.map { "\($0.target) on \($0.overlay) over its base \($0.base)" }
            let held = disks.isEmpty ? "a VM snapshot" : disks.joined(separator: ", ")
            let run = leftover.run.map { "the run \($0)" } ?? "a run"
            return "\(printable(leftover.machineName)): \(run), which has no state file, left \(held)"
        }
    }

    private var directory: StateDirectory { StateDirectory(configuration.stateDirectory) }

    /// All leftovers that belong to no open run.
    /// - Parameters:
    ///   - asksAll: also the hypervisors that are not enabled.
    ///   - except: those that are known not to answer.
    ///   - silent: told of each hypervisor that does not answer.
    /// - Throws: StateError.
    package func find(
        _ hypervisors: Hypervisors, asksAll: Bool = false, except: Set<String> = [],
        silent: (String, any Error) -> Void
    ) async throws -> [Found] {
        // A run that is opened meanwhile is known by its file afterwards, one that is closed meanwhile by its file
        // before.
        let before = OpenRuns(try directory.openRunIDs(), in: directory)
        var found: [Found] = []
        for hypervisor in try await asksAll ? hypervisors.all() : hypervisors.enabled()
        where !except.contains(hypervisor.name) {
            do {
                found += try await hypervisor.leftovers().map { Found(hypervisor: hypervisor.name, leftover: $0) }
            } catch {
                silent(hypervisor.name, error)
            }
        }
        let after = OpenRuns(try directory.openRunIDs(), in: directory)
        return found.filter { found in ![before, after].contains { $0.has(found.leftover) } }.map { found in
            // An overlay says by its name alone whose VM's it is.
            guard found.leftover.run == nil, let problem = after.unreadable.first else { return found }
            return Found(
                hypervisor: found.hypervisor,
                leftover: found.leftover.withObstacle(
                    "it may belong to a run: "
                        + "\(problem)"))
        }
    }

    /// Names every leftover, and with `adopts` releases them; whether none is left.
    /// - Throws: StateError.
    package func settle(adopts: Bool, isDryRun: Bool) async throws -> Bool {
        let hypervisors = Hypervisors(configuration, context)
        let found: [Found]
        do {
            found = try await find(hypervisors, asksAll: adopts) { name, error in
                context.log.warning(
                    "\(name): it is not known what runs without a state file left: \(error)")
            }
        } catch {
            await hypervisors.close()
            throw error
        }
        await hypervisors.close()
        var isDone = true
        let runs = Dictionary(grouping: found, by: \.leftover.run).sorted { ($0.key ?? "") < ($1.key ?? "") }
        for (run, parts) in runs {
            for part in parts {
                if let obstacle = part.leftover.obstacle {
                    context.log.error("\(part.summary); it was not touched: \(obstacle)")
                    isDone = false
                } else if !adopts || isDryRun {
                    context.log.warning("\(part.summary); release it with: stillpoint recover --adopt")
                    isDone = adopts && isDone
                }
            }
            let whole = parts.filter { $0.leftover.obstacle == nil }
            let id = if let run { RunID(run) } else { RunID.make() as RunID? }
            guard adopts, !isDryRun, !whole.isEmpty, let id else { continue }
            isDone = try await adopt(id, whole) && isDone
        }
        return isDone
    }

    /// Opens a run of that id for them and releases it, as any other.
    private func adopt(_ id: RunID, _ parts: [Found]) async throws -> Bool {
        guard let journal = try open(id, parts) else { return true }
        return try await Self.end(journal, context, configuration)
    }

    private func open(_ id: RunID, _ parts: [Found]) throws -> Journal? {
        try directory.prepare()
        return try directory.lockForClaims().withLock {
            // A run may have taken the VM since it was read, and made an overlay of the same name.
            let open = OpenRuns(try directory.openRunIDs(), in: directory)
            let parts = parts.filter { !open.has($0.leftover) && !open.plans($0.key) }
            guard !parts.isEmpty, !directory.isOpen(id), let lock = try directory.lock(run: id, waiting: false) else {
                return nil
            }
            let run = Run(
                id: id, manager: Run.adoptionManager, targets: [], recursiveTargets: [], snapshots: [],
                phase: .releasing,
                machines: parts.map { part in
                    var record = VMRecord(
                        hypervisor: part.hypervisor, id: part.leftover.machineID, name: part.leftover.machineName,
                        datasets: [])
                    record.consistency = .crash
                    record.freezeState =
                        part.leftover.run == nil ? part.leftover.freezeState.of(id) : part.leftover.freezeState
                    return record
                })
            try directory.write(run)
            return Journal(run, in: directory, lock: lock)
        }
    }

    /// Releases an adopted run. Nothing is said of snapshots, and what the catalogue may know of it stays.
    static func end(_ journal: Journal, _ context: ProgramContext, _ configuration: Configuration) async throws -> Bool
    {
        let ending = RunCompletion(context: context, configuration: configuration, configurationPath: nil)
        let isReleased = await ending.release(journal)
        let run = await journal.run
        guard isReleased else {
            context.log.error("the run \(run.id) is still open; fix the cause, then: stillpoint recover")
            return false
        }
        try await journal.close()
        for machine in run.machines {
            let notes = machine.notes.isEmpty ? "" : " (\(machine.notes.joined(separator: "; ")))"
            context.log.info("\(printable(machine.name)): back on its own disks\(notes)")
        }
        return true
    }
}

extension Adoption.Found {
    fileprivate var key: VMKey { VMKey(leftover.machineID, of: hypervisor) }
}

extension Leftover {
    fileprivate func withObstacle(_ reason: String) -> Leftover {
        Leftover(
            run: run, machineID: machineID, machineName: machineName, freezeState: freezeState,
            obstacle: obstacle.map { "\($0); \(reason)" } ?? reason)
    }
}

extension FreezeState {
    /// The same, begun by that run as far as anybody knows.
    fileprivate func of(_ id: RunID) -> FreezeState {
        var freezeState = self
        freezeState.snapshot = "stillpoint-\(id)"
        return freezeState
    }
}
