package import Hypervisor
internal import Support

extension Hypervisors {
    /// Every hypervisor's VMs, or why they are not known.
    ///
    /// All are asked at the same time, and for no longer than half of what is left to the manager's deadline: one that
    /// does not answer must not use up the time in which the others' VMs are frozen, nor the manager's time-out. When
    /// hardly anything is left, for long enough that the report can name the VMs.
    package nonisolated func machines(
        before deadline: ContinuousClock.Instant?, of hypervisors: [any Hypervisor]
    ) async -> [(any Hypervisor, Result<[VirtualMachine], any Error>)] {
        let now = ContinuousClock.now
        let limit = deadline.map { now + max(now.duration(to: $0) / 2, .milliseconds(250)) }
        var answers = [Result<[VirtualMachine], any Error>?](repeating: nil, count: hypervisors.count)
        await withTaskGroup(of: (Int, Result<[VirtualMachine], any Error>).self) { group in
            for (index, hypervisor) in hypervisors.enumerated() {
                group.addTask { (index, await Self.ask(hypervisor, until: limit)) }
            }
            for await (index, answer) in group { answers[index] = answer }
        }
        return zip(hypervisors, answers).compactMap { hypervisor, answer in answer.map { (hypervisor, $0) } }
    }

    private static func ask(
        _ hypervisor: any Hypervisor, until limit: ContinuousClock.Instant?
    ) async -> Result<[VirtualMachine], any Error> {
        await withDeadline(limit) {
            do {
                // A libvirtd that is being restarted refuses connections for a moment.
                let backoff = Backoff(attempts: 3, first: .milliseconds(250))
                return .success(
                    try await backoff.retrying {
                        try await hypervisor.virtualMachines()
                    } after: {
                        ($0 as? HypervisorError)?.remedy == .retry
                    })
            } catch {
                return .failure(error)
            }
        }
            ?? .failure(
                HypervisorError(
                    .timedOut,
                    "the hypervisor \(hypervisor.name) did not answer in the time that the manager gives",
                    remedy: .fallBack))
    }
}
