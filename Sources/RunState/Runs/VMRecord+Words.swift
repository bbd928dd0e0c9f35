internal import Hypervisor

extension VMRecord {
    /// Why it got no more, and what else an administrator should know of it: `quiesce: the agent did not answer`.
    package var reasonsInWords: [String] { fallbacks.map { "\($0.strategy.rawValue): \($0.reason)" } + notes }

    /// For how long its file systems were frozen; nil where none was.
    package var frozenWindow: Int64? { (frozenFileSystems ?? 0) > 0 ? frozenMilliseconds : nil }
}
