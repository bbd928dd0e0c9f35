internal import Hypervisor
internal import Support

/// Has a VM run again that a run has suspended or shut down; what somebody else has made of it meanwhile stays.
struct VMStart: Sendable {
    /// What the run has made of the VM.
    enum Stop: Sendable {
        case suspended, shutDown

        /// The power state that it leads to.
        var power: String { self == .suspended ? "suspended" : "poweredOff" }

        /// Whether a VM that runs is still on its way there.
        func isUnderWay(in view: VMTaskView) -> Bool {
            switch self {
            case .suspended: view.suspension != nil
            case .shutDown: view.state?.isShuttingDown == true
            }
        }
    }

    let session: Session
    let poller: TaskPoller
    let vm: MoRef
    let stop: Stop

    /// How long a VM that is on its way down is waited for.
    private static let longestStopping = Duration.seconds(60)
    private static let interval = Duration.milliseconds(250)

    /// Returns when the VM runs; at once where it does, was stopped in another way, or is gone.
    /// - Throws: HypervisorError, `.retry` where it may go through later, or what was given up may still come.
    func run() async throws {
        let deadline = ContinuousClock.now + Self.longestStopping
        do {
            while true {
                guard let state = try await poller.state(of: vm, until: deadline) else { return }
                if state.power == stop.power { break }
                guard !state.power.isEmpty else {
                    throw HypervisorError(.callFailed, "the server does not tell whether the VM runs", remedy: .retry)
                }
                guard state.power == "poweredOn" else { return }
                let view = try await session.inspect(vm, until: deadline)
                guard view.state?.power == stop.power || stop.isUnderWay(in: view) else { return }
                guard .now < deadline else {
                    let what =
                        stop == .suspended
                        ? "the server is still suspending the VM" : "the guest is still shutting down"
                    throw HypervisorError(.timedOut, what + (view.state?.questionNote ?? ""), remedy: .retry)
                }
                try await Task.sleep(for: Self.interval)
            }
            try await VMPower(session: session, poller: poller, vm: vm).on(isGoneFine: true)
        } catch let failure as CallFailure {
            throw failure.error(
                "the VM does not run again yet", remedy: failure.kind == .certificate ? .stop : .retry)
        }
    }
}
