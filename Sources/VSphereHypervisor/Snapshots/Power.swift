internal import Hypervisor

/// Switches a VM on and off.
struct Power: Sendable {
    let session: Session
    let watch: TaskWatch
    let machine: MoRef

    private static let limit = Duration.seconds(120)

    /// As a power cut does; fine when it is off, or gone.
    func off() async throws {
        try await change("PowerOffVM_Task", "switching the VM off", unless: "poweredOff", isGoneFine: true)
    }

    /// Fine when it runs.
    func on() async throws {
        try await change("PowerOnVM_Task", "starting the VM", unless: "poweredOn", isGoneFine: false)
    }

    private func change(_ method: String, _ action: String, unless wanted: String, isGoneFine: Bool) async throws {
        let deadline = ContinuousClock.now + Self.limit
        var backoff = Backoff(until: deadline)
        while true {
            do {
                let (_, outcome) = try await watch.run(on: machine, until: deadline) {
                    try await session.start(SOAPCall(method, on: machine), until: deadline)
                }
                switch outcome.task {
                case .done: return
                case .failed(let fault): throw CallFailure(fault)
                case .unknown: throw TaskState.untold
                case nil, .running: throw CallFailure(.timedOut, "the server has not done it yet")
                }
            } catch let failure as CallFailure {
                if failure.fault?.kind == .missing, isGoneFine { return }
                // Whatever was said, or was lost: what the VM does counts.
                if let look = try? await session.look(at: machine, until: deadline) {
                    if look.state?.power == wanted || look.state == nil && isGoneFine { return }
                }
                guard failure.isTransient, await backoff.wait() else { throw failure.error(action, remedy: .stop) }
            }
        }
    }
}
