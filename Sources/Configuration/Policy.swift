package import Hypervisor
internal import Support

/// What to try for a VM and what to do when none of it works; nil where a section does not say.
package struct Policy: Sendable {
    /// What happens when no strategy of the list could be carried out.
    package enum OnFailure: String, Sendable, CaseIterable {
        /// The snapshot is taken all the same; the VM is reported as `crash`.
        case `continue`
        /// Everything is undone and pre-snapshot exits 1.
        case abort
    }

    /// Tried in this order.
    package var strategies: [Strategy]?
    package var onFailure: OnFailure?
    /// Where `strategies` is from; nil: it is the default.
    package var strategyLine: SettingLine?
    /// Where `onFailure` is from; nil: it is the default.
    package var onFailureLine: SettingLine?

    /// The keys that every section but `[hypervisor NAME]` has.
    mutating func readKeys(_ section: inout SectionReader) {
        let unset = "what the next wider section says"
        section.key(
            "strategy", &strategies, .optional(.strategies), unset: unset,
            "how a VM is frozen: tried in this order; `ignore` stands alone")
        section.key(
            "on_failure", &onFailure, .optional(.choice), unset: unset,
            "when nothing in the list worked: `continue`: the VM is `crash`; or `abort`: all is undone, exit code 1")
        strategyLine = section.line(of: "strategy") ?? strategyLine
        onFailureLine = section.line(of: "on_failure") ?? onFailureLine
    }

    /// The policy with its gaps filled from a less specific one.
    func filled(from other: Policy) -> Policy {
        var policy = self
        if strategies == nil { (policy.strategies, policy.strategyLine) = (other.strategies, other.strategyLine) }
        if onFailure == nil { (policy.onFailure, policy.onFailureLine) = (other.onFailure, other.onFailureLine) }
        return policy
    }
}

extension Policy: Equatable {
    /// Whether both want the same, wherever it is from.
    package static func == (left: Policy, right: Policy) -> Bool {
        left.strategies == right.strategies && left.onFailure == right.onFailure
    }
}

extension KeyType<[Strategy]> {
    /// Words between commas.
    fileprivate static var strategies: Self {
        Self(
            summary: .words({ Strategy.words.map(\.rawValue) }, note: ", or `exec:PATH`; several between commas"),
            parse: { text throws(BadValue) in
                var list: [Strategy] = []
                for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                    let strategy = try strategy(part.trimmed())
                    guard !list.contains(strategy) else {
                        throw BadValue(wanted: "'\(strategy.rawValue)' stands twice")
                    }
                    list.append(strategy)
                }
                guard list.count == 1 || !list.contains(.ignore) else {
                    throw BadValue(wanted: "'ignore' must stand alone")
                }
                guard !list.dropLast().contains(.crashConsistent) else {
                    throw BadValue(
                        wanted: "nothing behind 'crash-consistent' is ever tried, since that always works; put it last")
                }
                return list
            })
    }

    private static func strategy(_ word: String) throws(BadValue) -> Strategy {
        if let strategy = Strategy(rawValue: word) { return strategy }
        if word.hasPrefix("exec:") { throw BadValue(wanted: "behind exec: a program's absolute path is needed") }
        throw .unknown(word, among: Strategy.words.map(\.rawValue) + ["exec:PATH"])
    }
}
