/// A snapshot as ZFS lists it.
public struct ListedSnapshot: Sendable, Equatable {
    /// Its full name.
    public let name: SnapshotName
    /// Its identity, which stays when it is renamed or received elsewhere: a decimal number.
    public let guid: String
    /// The values of the user properties that were asked for and are set.
    public let properties: [String: String]
}

extension ZFSCommand {
    /// Snapshots with their GUIDs and, where they are set, the named user properties; of a dataset oldest first.
    ///
    /// `zfs get -p`, not `zfs list`: zfs-fuse has no `list -p`, and without it rounds the GUID (`6.71E`).
    ///
    /// - Parameter dataset: this one and all below it; nil: all of every imported pool.
    /// - Throws: ``ZFSError``, also where the dataset does not exist.
    public func snapshots(
        of dataset: DatasetName?, properties: [String] = []
    ) async throws(ZFSError) -> [ListedSnapshot] {
        let roots = if let dataset { [dataset.rawValue] } else { try await pools() }
        guard !roots.isEmpty else { return [] }
        let columns = (["guid"] + properties).joined(separator: ",")
        let outcome = try await run(["get", "-r", "-H", "-p", "-o", "name,property,value", columns] + roots)
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not list the snapshots") }
        return parse(outcome.output)
    }

    /// The snapshots of a dataset without those of the datasets below it, oldest first.
    /// - Throws: ``ZFSError``, also where the dataset does not exist.
    public func ownSnapshots(
        of dataset: DatasetName, properties: [String] = []
    ) async throws(ZFSError) -> [ListedSnapshot] {
        let columns = (["guid"] + properties).joined(separator: ",")
        let outcome = try await run(
            ["get", "-r", "-d", "1", "-H", "-p", "-o", "name,property,value", columns, dataset.rawValue])
        // zfs-fuse knows no -d here.
        let all =
            outcome.exitStatus == 0 ? parse(outcome.output) : try await snapshots(of: dataset, properties: properties)
        return all.filter { $0.name.dataset == dataset }
    }

    /// The imported pools.
    public func pools() async throws(ZFSError) -> [String] {
        let outcome = try await run(["list", "-H", "-o", "name", "-d", "0"])
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not list the pools") }
        return outcome.output.split(separator: "\n").map(String.init)
    }

    /// Those of the named snapshots that exist.
    public func snapshots(
        named names: [SnapshotName], properties: [String] = []
    ) async throws(ZFSError) -> [ListedSnapshot] {
        let columns = (["guid"] + properties).joined(separator: ",")
        var found: [ListedSnapshot] = []
        var rest = names[...]
        while !rest.isEmpty {
            let some = rest.prefix(Self.snapshotsPerCall)
            rest = rest.dropFirst(some.count)
            let outcome = try await run(
                ["get", "-H", "-p", "-o", "name,property,value", columns] + some.map(\.rawValue))
            // Those that are missing are named on standard error; the others are listed all the same. A call that ended
            // without a word, as when it was killed, says nothing of what is missing.
            let isExplained =
                outcome.exitStatus == 1 && !outcome.errorLines.isEmpty
                && outcome.errorLines.allSatisfy { $0.has("does not exist") }
            guard outcome.exitStatus == 0 || isExplained else {
                throw failure(outcome, "zfs could not list the snapshots")
            }
            found += parse(outcome.output)
        }
        return found
    }

    /// The GUIDs of those snapshots that exist.
    public func guids(of snapshots: [SnapshotName]) async throws(ZFSError) -> [SnapshotName: String] {
        let found = try await self.snapshots(named: snapshots)
        return Dictionary(found.map { ($0.name, $0.guid) }) { first, _ in first }
    }

    func parse(_ output: String) -> [ListedSnapshot] {
        var order: [SnapshotName] = []
        var found: [SnapshotName: [String: String]] = [:]
        for line in output.split(separator: "\n") {
            let fields = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3, fields[2] != "-", let name = try? SnapshotName(fields[0]) else { continue }
            if found[name] == nil { order.append(name) }
            found[name, default: [:]][fields[1]] = fields[2]
        }
        return order.compactMap { name in
            guard var properties = found[name], let guid = properties.removeValue(forKey: "guid") else { return nil }
            return ListedSnapshot(name: name, guid: guid, properties: properties)
        }
    }
}
