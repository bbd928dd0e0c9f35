package import Hypervisor
internal import Support

/// What would come of one strategy of a VM's list, were it tried now; docs/json.md documents its JSON.
package struct ExpectedOutcome: Sendable, Codable, Equatable {
    package enum Outcome: String, Sendable, Codable {
        /// The VM would get it.
        case wins
        /// It would fail, and the next one be tried.
        case fails
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

extension [ExpectedOutcome] {
    /// Of each strategy, in the list's order; none where nothing was asked.
    init(_ strategies: [Strategy], _ answer: ObstacleSurvey.Answer?) {
        guard let answer else {
            self = []
            return
        }
        var isWon = false
        self = strategies.map { strategy in
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
    }

    /// What the VM would get: a strategy's word; nil: it is not known, or was not asked.
    var winner: String? {
        guard !isEmpty, !contains(where: { $0.outcome == .unknown }) else { return nil }
        if allSatisfy({ $0.outcome == .fails && $0.reason == .stale }) { return Consistency.stale.rawValue }
        return first { $0.outcome == .wins }?.strategy ?? Strategy.crashConsistent.rawValue
    }

    /// `pause`, then a line for each strategy that fails; none where nothing was asked.
    var lines: [String] {
        guard let first else { return [] }
        guard let winner else { return ["not known: \(printable(first.message ?? "", limit: 400))"] }
        if winner == Consistency.stale.rawValue {
            let fix = first.fix.map { "; fix: \(printable($0, limit: 600))" } ?? ""
            return ["\(winner): \(printable(first.message ?? "", limit: 400))\(fix)"]
        }
        return [printable(winner, limit: 400)]
            + filter { $0.outcome == .fails }.map { item in
                let words = printable(item.message ?? "", limit: 400)
                let reason = item.reason.map { " [\($0)]" } ?? ""
                let fix = item.fix.map { "; fix: \(printable($0, limit: 600))" } ?? ""
                return "\(printable(item.strategy, limit: 400)) would fail: \(words)\(reason)\(fix)"
            }
    }
}
