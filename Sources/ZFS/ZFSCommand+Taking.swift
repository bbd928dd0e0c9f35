internal import Support

extension ZFSCommand {
    /// Takes snapshots of one pool, all of one instant: one call, one transaction.
    ///
    /// - Parameter recursive: the datasets below are snapshotted along, under the same names.
    /// - Throws: ``ZFSError``, which says what to do about it. After `timedOut` they may be taken all the same.
    public func takeSnapshots(_ snapshots: [SnapshotName], recursive: Bool) async throws(ZFSError) {
        let outcome = try await run(["snapshot"] + (recursive ? ["-r"] : []) + snapshots.map(\.rawValue))
        guard outcome.exitStatus == 0 else {
            throw failure(outcome, "zfs took no snapshot; \(Self.fix(outcome.errorLines))")
        }
    }

    /// As libzfs words them (zfs_standard_error_fmt and zfs_snapshot_nvl in OpenZFS); zfs-fuse has the same words.
    private static let fixes: [(words: [String], fix: String)] = [
        (["already exists"], "choose another name, or destroy the one that is there"),
        (["does not exist"], "'zfs list' shows the datasets that exist"),
        (
            ["out of space", "quota", "limit"],
            "make room, or raise what bounds it: zfs get -r quota,refquota,reservation,snapshot_limit"
        ),
        (["ermission denied"], "run this as root, or: zfs allow USER snapshot,mount,userprop DATASET"),
        (["read-only", "suspended", "I/O"], "'zpool status -x' says what is wrong with the pool"),
        (["busy"], "something else works on the dataset, such as a receive: try again"),
    ]

    private static func fix(_ lines: [String]) -> String {
        fixes.first { known in lines.contains { line in known.words.contains { line.has($0) } } }?.fix
            ?? "read what it said"
    }
}
