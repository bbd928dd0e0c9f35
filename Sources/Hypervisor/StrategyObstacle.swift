/// Why a strategy would not be carried out for a VM as it is now; seen without touching it.
public struct StrategyObstacle: Sendable, Hashable {
    /// In a word.
    public let reason: ReasonCode
    /// In words, without the VM's name: `it has no guest agent channel`.
    public let message: String
    /// What to do about it: a command, or what to change where.
    public let fix: String?

    /// An obstacle with these parts.
    public init(_ reason: ReasonCode, _ message: String, fix: String? = nil) {
        self.reason = reason
        self.message = message
        self.fix = fix
    }

    /// What a freeze would fail with.
    public init(_ error: HypervisorError, fix: String? = nil) {
        self.init(error.reason, error.description, fix: fix)
    }
}
