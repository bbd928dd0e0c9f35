internal import Configuration
internal import DiskLocation
internal import Hypervisor
internal import Support
internal import ZFS

extension Planner {
    /// What to know of the whole plan, in words.
    package var remarks: [String] {
        let named = types.filter { !$0.isEmpty }
        let several =
            types.count > 1
            ? ["one freeze serves all types of the call (\(named.joined(separator: ", "))): what promises most counts"]
            : []
        return several
            + configuration.hypervisors.filter { !$0.isEnabled }.map {
                "[hypervisor \(printable($0.name))] is not enabled: its VMs are not touched"
            }
    }

    /// What a plan says of a VM, in words.
    /// - Parameters:
    ///   - answer: why strategies would fail now; nil: that was not asked.
    ///   - overlayRuns: as they were known when that was asked.
    package func entry(
        of planned: PlannedVM, _ answer: ObstacleSurvey.Answer? = nil, _ overlayRuns: OverlayRuns? = nil
    ) -> PlanEntry {
        let machine = planned.machine
        let expected = [ExpectedOutcome](planned.strategies, answer, onFailure: planned.onFailure)
        let winner = answer == nil ? nil : Strategy(rawValue: expected.winner ?? "") ?? .crashConsistent
        let tried = winner.map { [$0] } ?? planned.strategies
        let walk = PathLocator()
        return PlanEntry(
            vm: machine.name, vmID: machine.id, title: machine.title, hypervisor: planned.hypervisor.name,
            power: machine.power.rawValue, datasets: planned.datasets.map(\.rawValue),
            disks: machine.disks.map { disk in
                let (handling, reason) = handling(of: disk, planned, tried)
                return PlanEntry.PlannedDisk(
                    target: disk.target, path: disk.source,
                    datasets: datasets(holding: disk, by: walk).map(\.rawValue), handling: handling, reason: reason)
            }, strategies: planned.strategies.map(\.rawValue), expected: expected,
            waitsFor: answer == nil ? nil : overlayRuns?.prerequisite(of: planned), strategyLine: planned.strategyLine,
            onFailure: planned.onFailure.rawValue, onFailureLine: planned.onFailureLine,
            types: types.filter { !$0.isEmpty }, isIgnored: planned.isIgnored, notes: planned.notes)
    }

    /// The datasets that hold the image which the guest writes to, snapshotted or not.
    private func datasets(holding disk: Disk, by walk: PathLocator) -> [DatasetName] {
        if let known = disk.datasets { return known.first?.sorted() ?? [] }
        return disk.source.flatMap { try? storage.locate($0, by: walk) }.map { $0.datasets.sorted() } ?? []
    }

    private func handling(
        of disk: Disk, _ planned: PlannedVM, _ tried: [Strategy]
    ) -> (PlanEntry.PlannedDisk.Handling, reason: String?) {
        if let exclusion = disk.exclusion { return (.excluded, exclusion.rawValue) }
        if disk.chain.isEmpty { return (.refused, disk.refusal) }
        guard planned.disks.contains(where: { $0.target == disk.target }) else {
            let overlay = disk.overlay.map { overlay in
                "it is on an overlay of \(overlay.run.map { "the run \($0)" } ?? "a run") now"
            }
            return (.elsewhere, overlay)
        }
        guard planned.machine.power == .running, planned.strategies.contains(where: \.movesDisks) else {
            return (.inPlace, nil)
        }
        if let refusal = disk.refusal { return (.refused, refusal) }
        return (tried.contains(where: \.movesDisks) ? .overlay : .inPlace, nil)
    }
}
