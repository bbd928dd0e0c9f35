internal import Hypervisor
internal import Logging
internal import RunState
internal import Support

extension FreezeStage {
    /// How long a freeze is tried again where the manager gives no deadline.
    private static let longestRepeating = Duration.seconds(5)

    /// What a guest has between two attempts to freeze it.
    private static let pauseBetweenFreezes = Duration.seconds(1)
    /// With less time than that left, a guest that failed to freeze is not asked again.
    private static let leastTimeToFreeze = Duration.seconds(4)

    /// Freezes, and tries again what may go through in a moment: a libvirtd that is being restarted refuses connections,
    /// an image is in somebody's use, VSS is not ready. While something is held it is not tried again: that must be released first.
    func freezeRepeatedly(_ index: Int, with strategy: Strategy, run: RunID) async throws {
        let end = min(.now + Self.longestRepeating, deadline.map { $0 - .seconds(1) } ?? .now + Self.longestRepeating)
        var backoff = Backoff(until: end, first: .milliseconds(250))
        var attempts = Backoff(attempts: plan[index].hypervisor.freezeAttempts, every: Self.pauseBetweenFreezes)
        while true {
            do {
                return try await carryOut(index, with: strategy, run: run)
            } catch let error as HypervisorError where error.remedy == .retry {
                guard await journal.run.machines[index].freezeState == nil, await backoff.wait() else { throw error }
                log.debug("\(plan[index].machine.name): \(error); trying again")
            } catch let error as HypervisorError where error.code == .freezeFailed && error.remedy == .fallBack {
                let isTime = deadline.map { $0 - Self.leastTimeToFreeze > .now } ?? true
                guard isTime, await journal.run.machines[index].freezeState == nil, await attempts.wait() else {
                    throw error
                }
                log.info("\(printable(plan[index].machine.name)): \(error); it is asked once more")
            }
        }
    }
}
