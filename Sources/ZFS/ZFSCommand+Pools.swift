internal import Support

/// What zpool(8) says of a pool.
public struct PoolStatus: Sendable, Equatable {
    /// Its name.
    public let pool: DatasetName
    /// `ONLINE`, `DEGRADED`, `SUSPENDED`…
    public let health: String
    /// In percent; nil where zpool does not tell.
    public let capacity: Int?
    /// Whether it was imported so that nothing can be written; false where zpool does not tell.
    public let isReadOnly: Bool
}

extension ZFSCommand {
    /// The same program, which is given so long and no longer.
    public func limited(to timeout: Duration) -> ZFSCommand {
        ZFSCommand(
            executable: executable, timeout: min(timeout, self.timeout), environment: environment,
            takesSeveralProperties: takesSeveralProperties)
    }

    /// Asks for nothing but an answer.
    /// - Throws: ZFSError, `.notFound` where there is no such program, `.timedOut` where it hangs.
    public func requireAnswer() async throws(ZFSError) {
        let outcome = try await run(["list", "-H", "-o", "name", "-d", "0"])
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs tells of no dataset; is its module loaded?") }
    }

    /// How pools are; those that zpool does not know are left out.
    /// - Throws: ZFSError, `.notFound` where there is no zpool program.
    public func poolStatus(of pools: [DatasetName]) async throws(ZFSError) -> [PoolStatus] {
        guard !pools.isEmpty else { return [] }
        let zpool = ZFSCommand(
            executable: Self.sibling(of: executable), timeout: timeout, environment: environment)
        let names = pools.map(\.rawValue)
        var outcome = try await zpool.run(["list", "-H", "-o", "name,health,capacity,readonly"] + names)
        if outcome.output.isEmpty {
            // zfs-fuse's knows no `readonly`.
            outcome = try await zpool.run(["list", "-H", "-o", "name,health,capacity"] + names)
        }
        return outcome.output.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t").map(String.init)
            guard fields.count >= 3, let pool = try? DatasetName(fields[0]) else { return nil }
            return PoolStatus(
                pool: pool, health: fields[1], capacity: Int(fields[2].prefix { $0 != "%" }),
                isReadOnly: fields.count > 3 && fields[3] == "on")
        }
    }

    /// `/usr/local/sbin/zpool` beside `/usr/local/sbin/zfs`.
    private static func sibling(of executable: String) -> String {
        executable.utf8.contains(UInt8(ascii: "/")) ? "\(FileAccess.parent(executable))/zpool" : "zpool"
    }
}
