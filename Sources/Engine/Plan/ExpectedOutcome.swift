internal import Configuration
package import Hypervisor
internal import Support

/// What would come of one strategy of a VM's list, were it tried now; docs/json.md documents its JSON.
package struct ExpectedOutcome: Sendable, Codable, Equatable {
    package enum Outcome: String, Sendable, Codable {
        /// The VM would get it.
        case wins
        /// It would fail, and the next one be tried.
        case fails
        /// It would fail, and is the last: `on_failure = abort` then releases all VMs of the run.
        case aborts
        /// One before it wins.
        case notTried = "not tried"
        /// The hypervisor does not tell.
        case unknown
    }

    package let strategy: String
    package let outcome: Outcome
    /// Why it fails, in a word.
    package let reason: ReasonCode?
    /// Why it fails, or why nothing is known; for people.
    package let message: String?
    package let fix: String?
}

extension ExpectedOutcome {
    fileprivate func with(_ outcome: Outcome) -> ExpectedOutcome {
        ExpectedOutcome(strategy: strategy, outcome: outcome, reason: reason, message: message, fix: fix)
    }
}

extension [ExpectedOutcome] {
    /// Of each strategy, in the list's order; none where nothing was asked.
    init(
        _ strategies: [Strategy], _ answer: ObstacleSurvey.Answer?, onFailure: Policy.OnFailure = .continue
    ) {
        guard let answer else {
            self = []
            return
        }
        var isWon = false
        var items = strategies.map { strategy in
            func outcome(
                _ outcome: ExpectedOutcome.Outcome, _ obstacle: StrategyObstacle? = nil, _ message: String? = nil
            ) -> ExpectedOutcome {
                ExpectedOutcome(
                    strategy: strategy.rawValue, outcome: outcome, reason: obstacle?.reason,
                    message: obstacle?.message ?? message, fix: obstacle?.fix)
            }
            switch answer {
            case .unknown(let why): return outcome(.unknown, nil, why)
            case .known(let obstacles):
                if let obstacle = obstacles[strategy] { return outcome(.fails, obstacle) }
                defer { isWon = true }
                return outcome(isWon ? .notTried : .wins)
            }
        }
        if onFailure == .abort, !isWon, let last = items.last, last.outcome == .fails {
            items[items.count - 1] = last.with(.aborts)
        }
        self = items
    }

    /// The whole list fails, and `on_failure = abort`.
    var aborts: Bool { contains { $0.outcome == .aborts } }

    private static var abortion: String {
        "on_failure = abort: nothing is snapshotted consistently, and with no_inconsistent_snapshot of sanoid there is no "
            + "snapshot"
    }

    /// What the VM would get, where there is a snapshot: a strategy's word; nil: it is not known, or was not asked.
    var winner: String? {
        guard !isEmpty, !contains(where: { $0.outcome == .unknown }) else { return nil }
        if allSatisfy({ $0.outcome == .fails && $0.reason == .stale }) { return Consistency.stale.rawValue }
        return first { $0.outcome == .wins }?.strategy ?? Strategy.crashConsistent.rawValue
    }

    /// `pause`, then a line for each strategy that fails; none where nothing was asked.
    var lines: [String] {
        guard let asked = first else { return [] }
        guard let winner else { return ["not known: \(printable(asked.message ?? "", limit: 400))"] }
        if winner == Consistency.stale.rawValue {
            let fix = asked.fix.map { "; fix: \(printable($0, limit: 600))" } ?? ""
            return ["\(winner): \(printable(asked.message ?? "", limit: 400))\(fix)"]
        }
        let first = aborts ? Self.abortion : printable(winner, limit: 400)
        return [first]
            + filter { [.fails, .aborts].contains($0.outcome) }.map { item in
                let words = printable(item.message ?? "", limit: 400)
                let reason = item.reason.map { " [\($0)]" } ?? ""
                let fix = item.fix.map { "; fix: \(printable($0, limit: 600))" } ?? ""
                return "\(printable(item.strategy, limit: 400)) would fail: \(words)\(reason)\(fix)"
            }
    }
}
