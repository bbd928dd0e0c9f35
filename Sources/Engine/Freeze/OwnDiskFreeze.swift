internal import Hypervisor
internal import Support

/// Carries out a strategy that leaves a VM on its own disks: `freeze`, `pause`, `shutdown`.
///
/// Each is a capability of a back end, so one without overlays or VM snapshots needs no more than these.
struct OwnDiskFreeze: Sendable {
    let hypervisor: any Hypervisor
    let request: FreezeRequest
    let settings: SharedHypervisorSettings
    let record: RecordFreezeState

    /// - Returns: what the VM got, and what must be undone then: to be recorded by the caller, since a guest that stands still
    ///   does not wait for a disk.
    /// - Throws: HypervisorError; with `.fallBack` or `.retry` nothing is recorded any more.
    func run() async throws -> (FreezeResult, FreezeState) {
        switch request.strategy {
        case .freeze: try await freeze()
        case .pause: try await pause()
        case .shutdown: try await shutDown()
        default: throw impossible
        }
    }

    private func freeze() async throws -> (FreezeResult, FreezeState) {
        guard let freezing = hypervisor as? any FileSystemFreezing else { throw impossible }
        var state = begun()
        state.isThawPending = true
        state.freezeSeconds = Int(settings.freezeTimeout.components.seconds)
        let result = try await recorded(state) { try await freezing.freezeFileSystems(request) }
        state.freezeSeconds = nil
        state.frozenFileSystems = result.frozenFileSystems
        return (result, stopped(state))
    }

    private func pause() async throws -> (FreezeResult, FreezeState) {
        guard let pausing = hypervisor as? any ProcessorPausing else { throw impossible }
        let state = begun()
        let notes = try await recorded(state) {
            try await pausing.pause(id: request.machine.id, before: request.deadline.map { $0 - .milliseconds(200) })
        }
        return (FreezeResult(consistency: .crash, notes: notes), stopped(state))
    }

    private func shutDown() async throws -> (FreezeResult, FreezeState) {
        guard let power = hypervisor as? any GuestShutdown else { throw impossible }
        var state = begun()
        let longest = ContinuousClock.now + settings.shutdownTimeout
        let deadline = request.deadline.map { min($0 - .milliseconds(200), longest) } ?? longest
        do {
            try await recorded(state) { try await power.shutDown(id: request.machine.id, before: deadline) }
        } catch let error as HypervisorError where error.remedy == .stop {
            // It was asked, and may go off yet.
            state.stoppedAt = unixMilliseconds()
            try await record(state)
            throw error
        }
        state.step = .held
        state.stoppedAt = unixMilliseconds()
        return (FreezeResult(consistency: .off), state)
    }

    private func begun() -> FreezeState {
        FreezeState(step: .switching, snapshot: "stillpoint-\(request.run)", strategy: request.strategy, disks: [])
    }

    private func stopped(_ state: FreezeState) -> FreezeState {
        var state = state
        state.step = .held
        state.stoppedAt = unixMilliseconds()
        return state
    }

    /// Does it when the record is durable; takes that back where the VM is certain to be as it was.
    private func recorded<Value: Sendable>(
        _ state: FreezeState, _ body: () async throws -> Value
    ) async throws -> Value {
        try await record(state)
        do {
            return try await body()
        } catch let error as HypervisorError where error.remedy != .stop {
            try await record(nil)
            throw error
        }
    }

    private var impossible: HypervisorError {
        let strategy = request.strategy
        return HypervisorError(
            Self.obstacle(to: strategy, by: hypervisor)
                ?? Self.obstacle(hypervisor, "be frozen by `\(strategy.rawValue)`"), .callFailed)
    }

    /// Why none of a back end's VMs has a strategy; nil: they have.
    static func obstacle(to strategy: Strategy, by hypervisor: any Hypervisor) -> StrategyObstacle? {
        switch strategy {
        case .freeze where !(hypervisor is any FileSystemFreezing):
            obstacle(hypervisor, "have its file systems frozen without a snapshot")
        case .pause where !(hypervisor is any ProcessorPausing): obstacle(hypervisor, "be paused")
        case .shutdown where !(hypervisor is any GuestShutdown):
            obstacle(hypervisor, "be shut down and started again")
        default: nil
        }
    }

    private static func obstacle(_ hypervisor: any Hypervisor, _ what: String) -> StrategyObstacle {
        StrategyObstacle(.callFailed, "a VM of [hypervisor \(printable(hypervisor.name))] cannot \(what)")
    }
}
