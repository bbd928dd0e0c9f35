internal import Configuration
internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import RunState
internal import SnapshotManagers
internal import ZFS

/// What the themes of a check have in common: read once, and the same for all.
struct CheckedSite: Sendable {
    let configuration: Configuration
    let context: ProgramContext
    let host: CheckedHost
    let storage: StorageMap
    let hypervisors: Hypervisors
    /// The VMs of those hypervisors that answer, for each type of snapshot that has a section.
    var plans: [PlannedVM] = []
    /// Whose plans those are, by the hypervisor's name.
    var planners: [Planner] = []
    /// The hypervisors that have not told theirs.
    var silent: Set<String> = []
    /// Nil: a hypervisor has not told its own, or is not enabled.
    var allMachines: [VirtualMachine]?
    /// Nil where sanoid.conf cannot be read.
    var sanoid: SanoidSchedule?
    /// Nil where zfs does not answer.
    var zfs: ZFSCommand?
    var units: SystemdUnits?
    var overlays = OverlayHistory()

    var isRoot: Bool { context.user.id == 0 }
    var datasets: Set<DatasetName> { Set(plans.flatMap(\.datasets)) }
    var sanoidFile: String { "\(configuration.sanoidDirectory)/sanoid.conf" }

    /// Each VM once, as the type of snapshot has it that wants most of it.
    var machines: [PlannedVM] {
        var known: [VMKey: Int] = [:]
        var found: [PlannedVM] = []
        for plan in plans {
            if let index = known[plan.key] {
                if found[index].wantsLess(than: plan) { found[index] = plan }
            } else {
                known[plan.key] = found.count
                found.append(plan)
            }
        }
        return found
    }

    /// The VMs that one call of a manager freezes together: by the dataset that it names.
    var runs: [(target: DatasetName, plans: [PlannedVM])] {
        var runs: [DatasetName: [PlannedVM]] = [:]
        for plan in machines {
            for target in Set(plan.datasets.flatMap(targets)) { runs[target, default: []].append(plan) }
        }
        return runs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The plans as the runs have them: of a VM whose disks are snapshotted one after another, only those of each run's
    /// datasets. In one group a VM has the same disks.
    var plansOfRuns: [[PlannedVM]] {
        var groups: [[PlannedVM]] = [plans.filter { scopes(of: $0).isEmpty }]
        var split: [VMKey: PlannedVM] = [:]
        for plan in plans where !scopes(of: plan).isEmpty { split[plan.key] = plan }
        for plan in split.values.sorted(by: { $0.machine.name < $1.machine.name }) {
            for (index, scope) in scopes(of: plan).enumerated() {
                let parts = planners.flatMap { planner in
                    var planner = planner
                    planner.scope = scope
                    return planner.plan([plan.machine], of: plan.hypervisor)
                }
                if groups.count == index + 1 { groups.append([]) }
                groups[index + 1] += parts
            }
        }
        return groups
    }

    /// What each run snapshots that concerns the VM; none where that is one, or not known.
    private func scopes(of plan: PlannedVM) -> [Scope] {
        guard plan.datasets.count > 1, let sanoid else { return [] }
        var recursive: [DatasetName: Bool] = [:]
        for call in plan.datasets.flatMap(sanoid.calls) {
            let isRecursive: Bool =
                switch configuration.recursive(for: call.target) {
                case .yes: true
                case .no: false
                case .auto: call.isZFSRecursive
                }
            recursive[call.target] = isRecursive || recursive[call.target] == true
        }
        return recursive.sorted { $0.key < $1.key }.map { target, isRecursive in
            Scope(targets: [target], recursiveTargets: isRecursive ? [target] : [])
        }
    }

    /// What a manager names when it snapshots the dataset.
    private func targets(of dataset: DatasetName) -> [DatasetName] {
        let calls = sanoid?.calls(for: dataset).map(\.target) ?? []
        let trees = ([dataset] + dataset.ancestors).filter { root in
            configuration.datasets.contains { $0.dataset == root && $0.recursive == .yes }
        }
        return calls.isEmpty && trees.isEmpty ? [dataset] : calls + trees
    }
}

extension PlannedVM {
    /// Something is to be done to it before the snapshot.
    var isTouched: Bool { strategies.first.map { $0.changesMachine } ?? false }

    /// It may get overlays.
    var mayMoveDisks: Bool { strategies.contains(where: \.movesDisks) }

    fileprivate func wantsLess(than other: PlannedVM) -> Bool {
        rank < other.rank
    }

    private var rank: Int { (strategies.contains(.memory) ? 2 : 0) + (isTouched ? 1 : 0) }

    /// Of its disks, one that is local.
    var hasLocalOverlays: Bool { hypervisor.overlayDirectory != nil }
}
