internal import Glibc
internal import Support

/// The `zfs` program of OpenZFS or zfs-fuse.
public struct ZFSCommand: Sendable {
    let executable: String
    let timeout: Duration
    let environment: [String: String]
    let takesSeveralProperties: Bool

    /// The `zfs` program of this host, to run with `environment`.
    public static func ofThisHost(environment: [String: String]) -> ZFSCommand {
        // OpenZFS has it wherever it works; zfs-fuse has a socket instead.
        ZFSCommand(environment: environment, takesSeveralProperties: access("/dev/zfs", F_OK) == 0)
    }

    /// Prepares calls; nothing is started.
    ///
    /// - Parameters:
    ///   - executable: a name that is searched for in PATH and in the folders where zfs is kept, or a path.
    ///   - timeout: after this long a call is ended: SIGTERM, and SIGKILL two seconds later.
    ///   - environment: the variables that zfs gets, `LC_ALL` apart, as its messages are read; nil for this
    ///     process's own.
    ///   - takesSeveralProperties: whether it is worth trying to set several properties in one call.
    public init(
        executable: String = "zfs", timeout: Duration = .seconds(60), environment: [String: String]? = nil,
        takesSeveralProperties: Bool = true
    ) {
        self.executable = executable
        self.timeout = timeout
        self.environment = environment ?? processEnvironment()
        self.takesSeveralProperties = takesSeveralProperties
    }

    /// Whether a dataset or a snapshot of this name exists.
    public func exists(_ name: String) async throws(ZFSError) -> Bool {
        guard (try? DatasetName(name)) != nil || (try? SnapshotName(name)) != nil else {
            throw ZFSError(.badArgument, "'\(printable(name))' is no name of a dataset or snapshot; check it")
        }
        // Both families know these types; zfs-fuse knows no bookmarks.
        let outcome = try await run(["list", "-H", "-o", "name", "-t", "filesystem,volume,snapshot", name])
        if outcome.exitStatus == 0 { return true }
        if outcome.errorLines.contains(where: { $0.has("does not exist") }) { return false }
        throw failure(outcome, "zfs could not tell whether '\(printable(name))' exists")
    }

    func failure(_ outcome: Outcome, _ message: String) -> ZFSError {
        ZFSError(
            .failed, message, command: outcome.command, exitStatus: outcome.exitStatus,
            firstErrorLine: outcome.errorLines.first ?? "")
    }
}
