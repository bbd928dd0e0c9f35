internal import Support

/// Why a call of the zfs program did not do what was asked.
public struct ZFSError: Error, Sendable, CustomStringConvertible {
    /// What kind of trouble it was; more may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name, as shown in a description.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// There is no zfs program, or it cannot be started.
        public static let notFound = Self("not found")
        /// zfs ended with an error.
        public static let failed = Self("failed")
        /// zfs took too long and was killed.
        public static let timedOut = Self("timed out")
        /// The caller was cancelled; zfs was killed.
        public static let cancelled = Self("cancelled")
        /// A dataset is not there, so that nothing is known of its snapshots.
        public static let datasetMissing = Self("dataset missing")
        /// A property or a name is none that ZFS would take; nothing was called.
        public static let badArgument = Self("bad argument")
    }

    /// What kind of trouble it was.
    public let code: Code
    /// What is wrong and how to fix it, in one line.
    public let message: String
    /// The command line that was called; empty where none was.
    public let command: [String]
    /// The exit status; nil where the program did not start or was killed by a signal.
    public let exitStatus: Int32?
    /// The first line that zfs wrote to standard error; empty where it wrote none.
    public let firstErrorLine: String
    /// The error below, where there is one.
    public let cause: (any Error)?

    /// Nothing is known of the snapshots of datasets that are not there.
    public init(missing datasets: some Collection<DatasetName>) {
        let names = shortList(datasets.sorted().map(\.rawValue), most: 3)
        self.init(
            .datasetMissing,
            "nothing tells of the snapshots of \(names), which is not there: its pool is not imported "
                + "(zpool import), or it was renamed or destroyed")
    }

    init(
        _ code: Code, _ message: String, command: [String] = [], exitStatus: Int32? = nil, firstErrorLine: String = "",
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.command = command
        self.exitStatus = exitStatus
        self.firstErrorLine = firstErrorLine
        self.cause = cause
    }

    /// The message, then the command, its exit status and what it said.
    public var description: String {
        var text = message
        if !command.isEmpty { text += "; command: \(printable(command.joined(separator: " "), limit: 400))" }
        if let exitStatus { text += "; exit status \(exitStatus)" }
        if !firstErrorLine.isEmpty { text += "; it said: \(printable(firstErrorLine, limit: 200))" }
        return text
    }
}
