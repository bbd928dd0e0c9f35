internal import Configuration
internal import Engine
internal import Hypervisor
internal import RunState
internal import Support
internal import ZFS

/// Of each VM that is up: whether it would get what it is to get, were the snapshot taken now.
struct GuestCheck: Sendable {
    let survey: ObstacleSurvey
    /// VMs of open runs, which are as those have left them.
    let held: Set<VMKey>
    /// Of some datasets those that get no snapshot where pre-snapshot fails.
    var withheld: @Sendable ([DatasetName]) -> [DatasetName] = { _ in [] }

    /// - Parameters:
    ///   - plans: a VM may be planned several times, for other types of snapshots.
    ///   - runs: the same as runs have them; in each group a VM has the same disks.
    func findings(_ plans: [PlannedVM], asRunsHaveThem runs: [[PlannedVM]]) async -> [Finding] {
        var unknown: [(PlannedVM, String)] = []
        var findings: [Finding] = []
        for plans in runs {
            let silent = Set(unknown.map { $0.0.hypervisor.name })
            let asked = plans.filter {
                !held.contains($0.key) && $0.overlayRuns.isEmpty && !silent.contains($0.hypervisor.name)
            }
            let answers = await survey.ask(asked, sharesRoom: false)
            for planned in asked {
                switch answers[planned.key] {
                case .known(let obstacles)?: findings += self.findings(of: planned, obstacles)
                case .unknown(let why)?: unknown.append((planned, why))
                case nil: continue
                }
            }
        }
        return findings + Self.findings(ofUnknown: unknown) + Self.sharedNames(plans)
    }

    /// One for each cause, however many strategies it concerns.
    private func findings(of planned: PlannedVM, _ obstacles: [Strategy: StrategyObstacle]) -> [Finding] {
        let wanted = planned.strategies.filter(\.changesMachine)
        guard let first = planned.strategies.first, first.changesMachine else { return [] }
        var causes: [(obstacle: StrategyObstacle, strategies: [Strategy])] = []
        for strategy in wanted {
            guard let obstacle = obstacles[strategy], !Self.isToldOtherwise(obstacle, planned) else { continue }
            if let index = causes.firstIndex(where: { $0.obstacle == obstacle }) {
                causes[index].strategies.append(strategy)
            } else {
                causes.append((obstacle, [strategy]))
            }
        }
        let name = printable(planned.machine.name)
        let instead = instead(of: planned, planned.strategies.first { obstacles[$0] == nil })
        return causes.map { obstacle, strategies in
            let words = strategies.map { printable($0.rawValue, limit: 300) }.joined(separator: " and ")
            let what = "\(name): \(words) would fail: \(printable(obstacle.message, limit: 400))"
            guard strategies.contains(first) else { return Finding(.fallbackImpossible, what, fix: obstacle.fix) }
            return Finding(FindingCode(first, obstacle.reason), "\(what); \(instead)", fix: obstacle.fix)
        }
    }

    /// - Parameter winner: nil: its whole list fails.
    private func instead(of planned: PlannedVM, _ winner: Strategy?) -> String {
        guard winner == nil, planned.onFailure == .abort else {
            let winner = winner ?? .crashConsistent
            let words = winner == .crashConsistent ? "crash-consistent only" : printable(winner.rawValue, limit: 300)
            return "now it would get: \(words)"
        }
        let lost = withheld(planned.datasets)
        guard !lost.isEmpty else {
            return "now nothing there would be snapshotted consistently (on_failure = abort)"
        }
        return "now \(shortList(lost.map(\.rawValue))) would get no snapshot because of it (on_failure = abort, "
            + "no_inconsistent_snapshot)"
    }

    /// A disk's shape, a program, and room in ram_dir are findings of their own.
    private static func isToldOtherwise(_ obstacle: StrategyObstacle, _ planned: PlannedVM) -> Bool {
        switch obstacle.reason {
        case .diskUnsupported: planned.disks.compactMap(\.refusal).contains(obstacle.message)
        case .programFailed, .noRoom: true
        default: false
        }
    }

    /// A hypervisor that does not answer is one cause, whatever the number of its VMs.
    private static func findings(ofUnknown unknown: [(planned: PlannedVM, why: String)]) -> [Finding] {
        let causes = Dictionary(grouping: unknown) { "\($0.planned.hypervisor.name): \($0.why)" }
        return causes.sorted { $0.key < $1.key }.map { _, some in
            let hypervisor = printable(some[0].planned.hypervisor.name)
            return Finding(
                .guestUnknown,
                "\(hypervisor): it is not known what \(names(some.map(\.planned))) would get: \(printable(some[0].why, limit: 400))"
            )
        }
    }

    /// VMs that run at the same time: what a snapshot's properties say of one may be of the other.
    private static func sharedNames(_ plans: [PlannedVM]) -> [Finding] {
        var groups: [[String]: [VMKey: String]] = [:]
        for planned in plans where !planned.machine.power.isAtRest {
            for dataset in planned.datasets {
                groups[[planned.machine.name, dataset.rawValue], default: [:]][planned.key] =
                    "\(printable(planned.machine.id)) of \(printable(planned.hypervisor.name))"
            }
        }
        return groups.filter { $0.value.count > 1 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
            key, machines in
            let identities = machines.values.sorted()
            return Finding(
                .nameShared,
                "\(machines.count) running VMs on \(key[1]) are called \(printable(key[0])): \(identities.joined(separator: ", "))",
                fix: "give each a name of its own (libvirt: virsh domrename, when it is off)")
        }
    }

    private static func names(_ plans: [PlannedVM]) -> String {
        shortList(Set(plans.map { printable($0.machine.name) }).sorted(), most: 3)
    }
}

extension FindingCode {
    /// Of the first strategy of a VM's list that would fail so.
    init(_ strategy: Strategy, _ reason: ReasonCode) {
        self =
            switch reason {
            case .agentMissing: .agentMissing
            case .agentSilent: .agentSilent
            case .agentRefuses: .agentRefuses
            case .vmPaused: .machinePaused
            case .vmBusy: .machineBusy
            case .unreachable: .machineSilent
            case .diskUnsupported, .deviceUnsupported: .shapeUnsupported
            case .shutdownIgnored: .shutdownImpossible
            default: .strategyImpossible
            }
    }
}
