package import Configuration
internal import Glibc
internal import Hypervisor
internal import Logging
package import RunState
internal import SnapshotManagers
internal import Support
internal import Synchronization
internal import SystemPackage

/// Releases a run whose post-snapshot never comes: a process of its own that pre-snapshot leaves behind.
package struct Watchdog: Sendable {
    package let run: RunID
    /// The manager's process, where there is one to watch.
    package let manager: ManagerProcess?
    package let context: ProgramContext
    package let configuration: Configuration

    package init(run: RunID, manager: ManagerProcess?, context: ProgramContext, configuration: Configuration) {
        self.run = run
        self.manager = manager
        self.context = context
        self.configuration = configuration
    }

    /// The one that this program was started as; nil where it is something else.
    /// - Throws: ConfigurationError.
    package init?(calledIn context: ProgramContext) throws {
        guard let call = WatchdogCall(context) else { return nil }
        let configuration = try context.configuration(nil)
        // Else it is something that calls itself a watchdog.
        guard StateDirectory(configuration.stateDirectory).isWatchdogLock(call.lock, of: call.run) else { return nil }
        self.init(run: call.run, manager: call.manager, context: context.inBackground, configuration: configuration)
    }

    /// Watches until the run has ended; for the main thread, before there is any other.
    package func main() -> ExitCode {
        showName()
        // All threads leave it to the one that waits for it.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigprocmask(SIG_BLOCK, &signals, nil)
        return MainLoop().run { await withTaskExecutorPreference(globalConcurrentExecutor) { await watch() } }
    }

    /// In ps(1) and top(1), where it would be `exe`; the kernel keeps 15 bytes of it (proc(5), comm).
    private func showName() {
        guard let comm = try? FileDescriptor.open("\(context.roots.proc)/self/comm", .writeOnly) else { return }
        _ = try? comm.closeAfter { try comm.writeAll(WatchdogCall.name.utf8) }
    }

    /// Watches until the run has ended.
    package func watch() async -> ExitCode {
        let directory = StateDirectory(configuration.stateDirectory)
        let watch = WatchdogPoll(
            run: run, directory: directory, overlayDirectory: configuration.overlayDirectory,
            elsewhere: Set(configuration.hypervisors.filter { $0.site != nil }.map(\.name)),
            manager: manager,
            proc: context.roots.proc, deadline: .now + configuration.maxHold, maxHold: configuration.maxHold)
        let guests = OverdueRelease(run: run, configuration: configuration, context: context)
        var limits = GuestLimits(configuration)
        var pollPause = Duration.seconds(1)
        var isAskedToEnd = false
        var scope: WatchdogScope? = WatchdogScope(run: run, environment: context.environment, proc: context.roots.proc)
        // What could not be released now may be later: libvirtd is being restarted, a disk is full.
        var pause = Duration.seconds(1)
        var nextRelease = ContinuousClock.now
        var tried: Set<VMKey> = []
        while true {
            let isAsked = await withCheckedContinuation { continuation in
                startThread { [pollPause] in continuation.resume(returning: WatchdogPoll.sleep(for: pollPause)) }
            }
            // Remembered: what is asked while another process is at work is done after it.
            isAskedToEnd = isAskedToEnd || isAsked
            let duties = watch.poll(isAskedToEnd: isAskedToEnd, tried: tried)
            // Most runs have ended before the first check, and need none.
            if duties.event != .over, let scope = scope.take() { Task { await scope.ask() } }
            await limits.enforce(on: duties, by: guests)
            pollPause = limits.pause(before: duties)
            guard let event = duties.event else { continue }
            guard event == .over || nextRelease <= .now else { continue }
            switch event {
            case .over: return .done
            case .release(let reason):
                let isOver = await enforcing(limits, by: guests, watch) {
                    await release(because: reason, directory, isEnd: false)
                }
                if isOver { return .done }
            case .releaseForSpace(let machines, let reason):
                _ = await enforcing(limits, by: guests, watch) {
                    await releaseForSpace(machines, because: reason, directory, watch)
                    return false
                }
                let isNew = !machines.isSubset(of: tried)
                tried.formUnion(machines)
                // Whether that helped is seen at the next poll.
                if isNew { continue }
            case .end(let reason):
                let isOver = await enforcing(limits, by: guests, watch) {
                    await release(because: reason, directory, isEnd: true)
                }
                if isOver { return .done }
            }
            nextRelease = .now + pause
            pause = min(pause * 2, .seconds(60))
        }
    }

    /// What is released may take minutes to commit: beside it, no guest stands still for longer than it may.
    private func enforcing(
        _ limits: GuestLimits, by guests: OverdueRelease, _ watch: WatchdogPoll,
        _ body: @escaping @Sendable () async -> Bool
    ) async -> Bool {
        let isOver = Flag()
        async let result = {
            defer { isOver.value.store(true, ordering: .relaxed) }
            return await body()
        }()
        var limits = limits
        var next = ContinuousClock.now + .seconds(1)
        while !isOver.value.load(ordering: .relaxed) {
            try? await Task.sleep(for: .milliseconds(50))
            guard next <= .now, !isOver.value.load(ordering: .relaxed) else { continue }
            await limits.enforce(on: watch.poll(isAskedToEnd: false), by: guests)
            next = .now + .seconds(1)
        }
        return await result
    }

    private func release(because reason: String, _ directory: StateDirectory, isEnd: Bool) async -> Bool {
        do {
            guard let lock = try directory.lock(run: run, waiting: false) else { return false }
            var open = try directory.read(run)
            // All of a released run was released when its post came: to call that early now would be a lie.
            if open.earlyRelease == nil, open.phase != .released {
                open.earlyRelease = EarlyRelease(began: Int64(time(nil)), reason: reason)
                try directory.write(open)
            }
            context.log.warning("the run \(run) is released: \(reason)")
            let journal = Journal(open, in: directory, lock: lock)
            let ending = RunCompletion(context: context, configuration: configuration, configurationPath: nil)
            return isEnd ? try await ending.end(journal) : await ending.release(journal)
        } catch {
            context.log.error("\(error)")
            return false
        }
    }

    /// Releases some VMs, and the others beside them where the room is used up before that is done.
    private func releaseForSpace(
        _ machines: Set<VMKey>, because reason: String, _ directory: StateDirectory, _ watch: WatchdogPoll
    ) async {
        do {
            guard let lock = try directory.lock(run: run, waiting: false) else { return }
            let journal = Journal(try directory.read(run), in: directory, lock: lock)
            let ending = RunCompletion(context: context, configuration: configuration, configurationPath: nil)
            let isOver = Flag()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await ending.release(machines, because: reason, journal)
                    isOver.value.store(true, ordering: .relaxed)
                }
                group.addTask {
                    while !isOver.value.load(ordering: .relaxed) {
                        try? await Task.sleep(for: .milliseconds(500))
                        guard watch.isSpaceGone, !isOver.value.load(ordering: .relaxed) else { continue }
                        // One that stays on its own disks takes no room.
                        let growing = await journal.run.machines.filter { $0.freezeState?.strategy == nil }
                        let others = Set(growing.map(\.key)).subtracting(machines)
                        return await ending.release(others, because: reason, journal)
                    }
                }
            }
        } catch {
            context.log.error("\(error)")
        }
    }

    /// Starts this program again as the watchdog of a run that has none.
    /// - Throws: StateError, Errno.
    package static func start(
        _ run: RunID, in directory: StateDirectory, manager: ManagerProcess?, _ context: ProgramContext,
        configurationPath: String?
    ) throws {
        // The watchdog shares the lock, so that everyone sees whether it lives.
        guard let lock = try directory.lock(watchdogOf: run) else { return }
        guard let executable = context.executable else { throw Errno.noSuchFileOrDirectory }
        var variables = context.environment
        if let configurationPath { variables["STILLPOINT_CONFIG"] = configurationPath }
        let call = WatchdogCall(run: run, lock: lock.descriptor, manager: manager)
        try lock.withLock { try DetachedProcess.start(executable, call.arguments, variables, keeping: lock.descriptor) }
    }
}

/// Something that two tasks know of.
private final class Flag: Sendable {
    let value = Atomic(false)
}
