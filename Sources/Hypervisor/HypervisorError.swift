/// A back end's failure, sorted for its caller.
public struct HypervisorError: Error, Sendable, CustomStringConvertible {
    /// What the caller can do about it.
    public enum Remedy: String, Sendable {
        /// It may go through if tried again.
        case retry
        /// This strategy is not available for this VM; everything it did has been undone.
        case fallBack
        /// Something is in doubt or left over: touch nothing more of this VM.
        case stop
    }

    /// What went wrong; open, so that a back end can add its own.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code in words.
        public let description: String
        /// A code of a back end's own.
        public init(_ description: String) { self.description = description }

        /// What the configuration says of it cannot be used: a password file that others can read, say.
        public static let misconfigured = Code("misconfigured")
        /// The hypervisor, or its client library, cannot be reached.
        public static let unreachable = Code("unreachable")
        /// No answer within the time allowed.
        public static let timedOut = Code("timed out")
        /// The VM is not there any more.
        public static let noSuchMachine = Code("no such VM")
        /// The guest could not be quiesced.
        public static let notQuiesced = Code("not quiesced")
        /// The guest was asked to freeze, and failed; asked again in a moment it may succeed, as VSS does soon after a boot.
        public static let freezeFailed = Code("freeze failed")
        /// The overlay could not be made.
        public static let overlay = Code("overlay")
        /// The VM is not in the state the run left it in.
        public static let changed = Code("changed in between")
        /// Something of that name is there already.
        public static let exists = Code("exists already")
        /// The hypervisor refused or failed a call.
        public static let callFailed = Code("call failed")
    }

    /// What went wrong.
    public let code: Code
    /// What went wrong, for an administrator, in one line.
    public let message: String
    /// What the caller can do.
    public let remedy: Remedy
    /// The failure below, if there was one.
    public let cause: (any Error)?

    private let ownReason: ReasonCode?

    /// An error with these parts.
    /// - Parameter reason: in a word, where it is more exact than what `code` and `cause` tell.
    public init(
        _ code: Code, _ message: String, remedy: Remedy, cause: (any Error)? = nil, reason: ReasonCode? = nil
    ) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.cause = cause
        ownReason = reason
    }

    /// Of a strategy that is not available: nothing was done.
    public init(_ obstacle: StrategyObstacle, _ code: Code = .notQuiesced) {
        self.init(code, obstacle.message, remedy: .fallBack, reason: obstacle.reason)
    }

    /// The same failure, with that word for it.
    public func with(_ reason: ReasonCode) -> HypervisorError {
        HypervisorError(code, message, remedy: remedy, cause: cause, reason: reason)
    }

    /// Why a strategy failed, in a word.
    public var reason: ReasonCode { ownReason ?? (cause as? HypervisorError)?.reason ?? code.reason }

    /// The message, and the cause behind it.
    public var description: String {
        guard let cause else { return message }
        return "\(message): \(cause)"
    }
}
