internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// What `stillpoint snapshot` is to take.
struct SnapshotRequest: Sendable {
    let isRecursive: Bool
    /// Checked: each dataset gets one snapshot, and all are of one pool.
    let snapshots: [SnapshotName]

    /// - Parameter names: `DATASET@NAME`, each.
    /// - Throws: NameError, InvocationError.
    init(_ names: [String], isRecursive: Bool) throws {
        var snapshots: [SnapshotName] = []
        for name in try names.map(SnapshotName.init) where !snapshots.contains(name) { snapshots.append(name) }
        let pools = Set(snapshots.map(\.dataset.pool)).sorted()
        guard pools.count < 2 else {
            throw InvocationError(
                .badValue,
                "zfs takes the snapshots of one pool at one instant, and these are of \(pools.map(\.rawValue).joined(separator: ", ")): "
                    + "call stillpoint snapshot for each pool")
        }
        self.snapshots = try isRecursive ? Self.withoutNested(snapshots) : snapshots
        self.isRecursive = isRecursive
        try Self.requireOneEach(self.snapshots)
    }

    /// Without those that another one takes along.
    private static func withoutNested(_ snapshots: [SnapshotName]) throws -> [SnapshotName] {
        try snapshots.filter { inner in
            let outer = snapshots.filter {
                $0.dataset != inner.dataset && inner.dataset.isSameOrDescendant(of: $0.dataset)
            }
            if let other = outer.first(where: { $0.name != inner.name }) { throw twice(inner, other) }
            return outer.isEmpty
        }
    }

    private static func requireOneEach(_ snapshots: [SnapshotName]) throws {
        for (index, snapshot) in snapshots.enumerated() {
            if let other = snapshots[..<index].first(where: { $0.dataset == snapshot.dataset }) {
                throw twice(snapshot, other)
            }
        }
    }

    private static func twice(_ one: SnapshotName, _ other: SnapshotName) -> InvocationError {
        InvocationError(
            .badValue,
            "\(one.dataset) would get two snapshots of one instant, by \(other) and \(one), and zfs takes one: leave one out"
        )
    }

    /// What they take, whatever the configuration says of recursion.
    var scope: Scope {
        let targets = snapshots.map(\.dataset)
        return Scope(targets: targets, recursiveTargets: isRecursive ? targets : [])
    }

    /// The zfs command that takes them.
    var commandLine: String {
        "zfs snapshot \(isRecursive ? "-r " : "")\(snapshots.map { shellQuoted($0.rawValue) }.joined(separator: " "))"
    }

    /// Asks zfs whether they can be taken, as far as it tells, before anything is touched.
    /// - Throws: InvocationError; NameError where a dataset below has too long a name; ZFSError.
    func requirePossible(_ zfs: ZFSCommand) async throws {
        let missing = try await zfs.missing(of: Set(snapshots.map(\.dataset))).sorted()
        guard missing.isEmpty else {
            let names = missing.map(\.rawValue).joined(separator: ", ")
            throw InvocationError(
                .badValue, "no such dataset: \(names); 'zfs list' shows those that exist")
        }
        var all = snapshots
        if isRecursive {
            for snapshot in snapshots {
                for child in try await zfs.children(of: snapshot.dataset) {
                    all.append(try SnapshotName(dataset: DatasetName(child), name: snapshot.name))
                }
            }
        }
        let taken = try await zfs.snapshots(named: all).map(\.name.rawValue)
        guard taken.isEmpty else {
            let shown = shortList(taken, most: 3)
            throw InvocationError(.badValue, "there already: \(shown); choose another name, or destroy what is there")
        }
    }
}
