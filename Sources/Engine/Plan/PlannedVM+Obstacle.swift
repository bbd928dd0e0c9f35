internal import Hypervisor

extension PlannedVM {
    /// Why a strategy is not even tried for the VM as it is planned; nil: it is.
    func obstacle(to strategy: Strategy) -> StrategyObstacle? {
        if machine.power == .paused, strategy != .pause { return StrategyObstacle(.vmPaused, "the VM is paused") }
        if disks.isEmpty, disksOnOverlays.isEmpty {
            return StrategyObstacle(.diskUnsupported, "none of its disks writes to the snapshotted datasets")
        }
        return OwnDiskFreeze.obstacle(to: strategy, by: hypervisor)
    }

    /// Why nothing is done for it, whichever strategy is wanted: it is on an overlay that a run made.
    var staleness: StrategyObstacle? {
        guard let overlay = disksOnOverlays.first?.overlay else { return nil }
        let run = overlay.run.map { "the run \($0)" } ?? "a run"
        return StrategyObstacle(.vmBusy, "it is on an overlay of \(run)", fix: "see stillpoint check")
    }
}
