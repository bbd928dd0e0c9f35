internal import Support

/// What became of the properties of one snapshot.
public enum PropertyOutcome: Sendable, Equatable {
    /// All are set.
    case set
    /// There is no such snapshot.
    case missing
    /// zfs refused; its own words.
    case failed(String)
}

extension ZFSCommand {
    /// In bytes: what zfs(8) allowed before OpenZFS raised it to 8192; zfs-fuse takes as much.
    public static let longestPropertyValue = 1024

    /// A command line may have 2 MiB, a name 255 bytes; this many leave ample room for the values.
    static let snapshotsPerCall = 256

    /// Sets user properties on snapshots, in one call of zfs where it can.
    ///
    /// A snapshot that does not exist is no error, and does not keep the others from getting theirs.
    ///
    /// - Parameter properties: names with a colon, such as `stillpoint:run`, and values of at most
    ///   ``longestPropertyValue`` bytes.
    /// - Throws: ``ZFSError``: `badArgument` before anything is called; otherwise where zfs fails as a whole.
    public func setUserProperties(
        _ properties: [(name: String, value: String)], on snapshots: [SnapshotName]
    ) async throws(ZFSError) -> [SnapshotName: PropertyOutcome] {
        for property in properties { try Self.check(property.name, property.value) }
        var outcomes: [SnapshotName: PropertyOutcome] = [:]
        guard !properties.isEmpty else { return outcomes }
        var unique: Set<SnapshotName> = []
        var rest = snapshots.filter { unique.insert($0).inserted }[...]
        var takesSeveral = takesSeveralProperties
        while !rest.isEmpty {
            let some = Array(rest.prefix(Self.snapshotsPerCall))
            rest = rest.dropFirst(some.count)
            if takesSeveral, let result = try await setTogether(properties, on: some) {
                outcomes.merge(result) { $1 }
            } else {
                takesSeveral = false
                outcomes.merge(try await setOneByOne(properties, on: some)) { $1 }
            }
        }
        return outcomes
    }

    /// nil where this zfs takes one property a call: zfs-fuse (pool version 23) takes the second for a dataset and
    /// says `cannot open 'a:b=c': invalid dataset name`; other old versions print their usage and exit 2.
    private func setTogether(
        _ properties: [(name: String, value: String)], on snapshots: [SnapshotName]
    ) async throws(ZFSError) -> [SnapshotName: PropertyOutcome]? {
        let outcome = try await run(["set"] + properties.map { "\($0.name)=\($0.value)" } + snapshots.map(\.rawValue))
        let takenForDatasets = properties.dropFirst().map { "'\($0.name)=" }
        let isRefused = outcome.errorLines.contains { line in takenForDatasets.contains { line.has($0) } }
        if properties.count > 1 && (isRefused || outcome.exitStatus == 2) { return nil }
        return try sort(outcome, snapshots)
    }

    private func setOneByOne(
        _ properties: [(name: String, value: String)], on snapshots: [SnapshotName]
    ) async throws(ZFSError) -> [SnapshotName: PropertyOutcome] {
        var outcomes: [SnapshotName: PropertyOutcome] = [:]
        for property in properties {
            let open = snapshots.filter { (outcomes[$0] ?? .set) == .set }
            guard !open.isEmpty else { break }
            let outcome = try await run(["set", "\(property.name)=\(property.value)"] + open.map(\.rawValue))
            outcomes.merge(try sort(outcome, open)) { $1 }
        }
        return outcomes
    }

    /// Reads from standard error which snapshots a call did not reach; zfs continues with the others.
    private func sort(
        _ outcome: Outcome, _ snapshots: [SnapshotName]
    ) throws(ZFSError) -> [SnapshotName: PropertyOutcome] {
        var outcomes: [SnapshotName: PropertyOutcome] = [:]
        for snapshot in snapshots { outcomes[snapshot] = .set }
        guard outcome.exitStatus != 0 else { return outcomes }
        let byName = Dictionary(snapshots.map { ($0.rawValue, $0) }) { first, _ in first }
        var explained = false
        for line in outcome.errorLines {
            // cannot open 'tank/VM@daily': dataset does not exist
            let parts = line.split(separator: "'", omittingEmptySubsequences: false)
            guard parts.count >= 3, let snapshot = byName[String(parts[1])] else { continue }
            explained = true
            let isMissing = line.has("does not exist")
            outcomes[snapshot] = isMissing ? .missing : .failed(printable(line, limit: 200))
        }
        guard explained && outcome.exitStatus == 1 else {
            throw failure(outcome, "zfs could not set properties; read what it said and check the user's rights")
        }
        return outcomes
    }

    /// zfsprops(7), "User Properties".
    private static func check(_ name: String, _ value: String) throws(ZFSError) {
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: ":"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "_"): true
            case UInt8(ascii: "-"): name.utf8.first != byte
            default: false
            }
        }
        guard allowed, name.utf8.contains(UInt8(ascii: ":")), name.utf8.count <= 255 else {
            throw ZFSError(
                .badArgument,
                "'\(printable(name))' is no user property; write small letters, digits and : + - . _ with a colon")
        }
        guard value.utf8.count <= longestPropertyValue, !value.utf8.contains(0) else {
            throw ZFSError(
                .badArgument,
                "the value of \(name) has \(value.utf8.count) bytes and ZFS stores \(longestPropertyValue), "
                    + "none of them NUL; shorten it")
        }
    }
}
