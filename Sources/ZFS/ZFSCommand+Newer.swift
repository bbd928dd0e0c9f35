/// What stands between a dataset and a rollback to one of its snapshots.
public struct NewerSnapshots: Sendable, Equatable {
    /// Newer snapshots and bookmarks, which a rollback destroys; oldest first.
    public let names: [String]
    /// What keeps zfs from destroying some of them, in words.
    public let obstacles: [String]
}

extension ZFSCommand {
    /// What a rollback would have to destroy, and what would keep it from that: zfs itself finds out one by one, and
    /// has destroyed the first when it fails at the second.
    public func newer(than snapshot: SnapshotName) async throws(ZFSError) -> NewerSnapshots {
        let held = try await snapshots(of: snapshot.dataset, properties: ["userrefs"])
            .filter { $0.name.dataset == snapshot.dataset }
        let later = held.drop { $0.name != snapshot }.dropFirst()
        var obstacles = later.filter { $0.properties["userrefs"].map { $0 != "0" } ?? false }
            .map { "\($0.name) is held (zfs holds)" }
        let names = later.map(\.name.rawValue)
        obstacles += try await clones(of: Set(names), in: snapshot.dataset.pool)
        return NewerSnapshots(names: names + (try await bookmarks(newerThan: snapshot)), obstacles: obstacles)
    }

    private func clones(of snapshots: Set<String>, in pool: DatasetName) async throws(ZFSError) -> [String] {
        guard !snapshots.isEmpty else { return [] }
        let outcome = try await run(["get", "-r", "-H", "-o", "name,value", "origin", pool.rawValue])
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not list the clones in \(pool)") }
        return outcome.output.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t").map(String.init)
            guard fields.count == 2, snapshots.contains(fields[1]) else { return nil }
            return "\(fields[0]) is a clone of \(fields[1])"
        }
    }

    /// None where zfs knows no bookmarks, as zfs-fuse.
    private func bookmarks(newerThan snapshot: SnapshotName) async throws(ZFSError) -> [String] {
        let dataset = snapshot.dataset.rawValue
        let outcome = try await run(
            ["get", "-r", "-d", "1", "-t", "snapshot,bookmark", "-H", "-p", "-o", "name,value", "createtxg", dataset])
        guard outcome.exitStatus == 0 else { return [] }
        var transactions: [String: UInt64] = [:]
        for line in outcome.output.split(separator: "\n") {
            let fields = line.split(separator: "\t").map(String.init)
            if fields.count == 2 { transactions[fields[0]] = UInt64(fields[1]) }
        }
        guard let limit = transactions[snapshot.rawValue] else { return [] }
        return transactions.filter { $0.key.hasPrefix(dataset + "#") && $0.value > limit }.map(\.key).sorted()
    }
}
