internal import Hypervisor
internal import Support

/// Powers a VM on and off.
struct VMPower: Sendable {
    let session: Session
    let poller: TaskPoller
    let vm: MoRef

    private static let limit = Duration.seconds(120)
    /// A large VM that is resumed reads its RAM first.
    private static let limitOfStart = Duration.seconds(300)
    /// How often a VM whose task takes long is seen not to wait for an answer.
    private static let questionInterval = Duration.seconds(5)

    /// As a power cut does; fine when it is off, or gone.
    func off() async throws {
        try await change(
            "PowerOffVM_Task", "powering off the VM", to: "poweredOff", within: Self.limit, isGoneFine: true)
    }

    /// Starts or resumes it; fine when it runs.
    /// - Throws: HypervisorError with `.retry` where it may go through in a moment.
    func on(isGoneFine: Bool = false) async throws {
        try await change(
            "PowerOnVM_Task", "powering on the VM", to: "poweredOn", within: Self.limitOfStart, isGoneFine: isGoneFine)
    }

    private func change(
        _ method: String, _ action: String, to wanted: String, within limit: Duration, isGoneFine: Bool
    ) async throws {
        let deadline = ContinuousClock.now + limit
        var backoff = Backoff(until: deadline)
        while true {
            do {
                let (task, outcome) = try await poller.run(on: vm, until: min(deadline, .now + Self.questionInterval)) {
                    try await session.start(SOAPCall(method, on: vm), until: deadline)
                }
                try await awaitEnd(of: task, outcome, action, deadline).requireSuccess()
                return
            } catch let failure as CallFailure {
                if failure.fault?.kind == .missing, isGoneFine { return }
                // Whatever was said, or was lost: what the VM does counts.
                if let view = try? await session.inspect(vm, until: deadline) {
                    if view.state?.power == wanted || view.state == nil && isGoneFine { return }
                    try requireNoQuestion(view.state, action)
                }
                let mayPass = failure.isTransient && failure.kind != .timedOut
                guard mayPass, await backoff.wait() else {
                    throw failure.error(action, remedy: mayPass ? .retry : .stop)
                }
            }
        }
    }

    /// An answer may take days.
    private func requireNoQuestion(_ state: VMState?, _ action: String) throws {
        guard let state, state.question != nil else { return }
        throw HypervisorError(.callFailed, "\(action): it does not go on\(state.questionNote)", remedy: .stop)
    }

    /// - Throws: HypervisorError as soon as the VM is seen to wait for an answer.
    private func awaitEnd(
        of task: MoRef, _ first: TaskPoller.Outcome, _ action: String, _ deadline: ContinuousClock.Instant
    ) async throws -> TaskPoller.Outcome {
        var outcome = first
        while outcome.task == nil, .now < deadline {
            try requireNoQuestion(try await session.inspect(vm, until: deadline).state, action)
            outcome = try await poller.wait(for: task, on: vm, until: min(deadline, .now + Self.questionInterval))
        }
        return outcome
    }
}
