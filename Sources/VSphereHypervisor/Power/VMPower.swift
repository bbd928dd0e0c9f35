internal import Hypervisor
internal import Support

/// Powers a VM on and off.
struct VMPower: Sendable {
    let session: Session
    let poller: TaskPoller
    let vm: MoRef

    private static let limit = Duration.seconds(120)

    /// As a power cut does; fine when it is off, or gone.
    func off() async throws {
        try await change("PowerOffVM_Task", "powering off the VM", unless: "poweredOff", isGoneFine: true)
    }

    /// Fine when it runs.
    func on() async throws {
        try await change("PowerOnVM_Task", "powering on the VM", unless: "poweredOn", isGoneFine: false)
    }

    private func change(_ method: String, _ action: String, unless wanted: String, isGoneFine: Bool) async throws {
        let deadline = ContinuousClock.now + Self.limit
        var backoff = Backoff(until: deadline)
        while true {
            do {
                let (_, outcome) = try await poller.run(on: vm, until: deadline) {
                    try await session.start(SOAPCall(method, on: vm), until: deadline)
                }
                try outcome.requireSuccess()
                return
            } catch let failure as CallFailure {
                if failure.fault?.kind == .missing, isGoneFine { return }
                // Whatever was said, or was lost: what the VM does counts.
                if let view = try? await session.inspect(vm, until: deadline) {
                    if view.state?.power == wanted || view.state == nil && isGoneFine { return }
                }
                guard failure.isTransient, await backoff.wait() else { throw failure.error(action, remedy: .stop) }
            }
        }
    }
}
