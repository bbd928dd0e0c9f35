internal import Hypervisor
internal import Logging
internal import RunState
internal import Support

extension FreezeStage {
    /// How long a freeze is tried again where the manager gives no deadline.
    private static let longestRepeating = Duration.seconds(5)

    /// Freezes, and tries again what may go through in a moment: a libvirtd that is being restarted refuses connections,
    /// an image is in somebody's use. While something is held it is not tried again: that must be released first.
    func freezeRepeatedly(_ index: Int, with strategy: Strategy, run: RunID) async throws {
        let end = min(.now + Self.longestRepeating, deadline.map { $0 - .seconds(1) } ?? .now + Self.longestRepeating)
        var backoff = Backoff(until: end, first: .milliseconds(250))
        while true {
            do {
                return try await carryOut(index, with: strategy, run: run)
            } catch let error as HypervisorError where error.remedy == .retry {
                guard await journal.run.machines[index].freezeState == nil, await backoff.wait() else { throw error }
                log.debug("\(plan[index].machine.name): \(error); trying again")
            }
        }
    }
}
