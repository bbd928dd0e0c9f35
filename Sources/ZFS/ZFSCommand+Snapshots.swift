internal import Support

/// A snapshot as ZFS lists it.
public struct ListedSnapshot: Sendable, Equatable {
    /// Its full name.
    public let name: SnapshotName
    /// Its identity, which stays when it is renamed or received elsewhere: a decimal number.
    public let guid: String
    /// The values of the user properties that were asked for and are set.
    public let properties: [String: String]

    /// A snapshot with these parts.
    public init(name: SnapshotName, guid: String, properties: [String: String] = [:]) {
        self.name = name
        self.guid = guid
        self.properties = properties
    }
}

extension ZFSCommand {
    /// Snapshots with their GUIDs and, where they are set, the named properties; of a dataset oldest first.
    ///
    /// `zfs get -p`, not `zfs list`: zfs-fuse has no `list -p`, and without it rounds the GUID (`6.71E`). A user property
    /// that is inherited, and so was not set on the snapshot itself, is none.
    ///
    /// - Parameter dataset: this one and all below it; nil: all of every imported pool.
    /// - Throws: ``ZFSError``, also where the dataset does not exist.
    public func snapshots(
        of dataset: DatasetName?, properties: [String] = []
    ) async throws(ZFSError) -> [ListedSnapshot] {
        let roots = if let dataset { [dataset.rawValue] } else { try await pools() }
        guard !roots.isEmpty else { return [] }
        let asked = AskedProperties(properties)
        let outcome = try await run(["get", "-r", "-H", "-p", "-o", "name,property,value", asked.columns] + roots)
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not list the snapshots") }
        return try await complete(parse(outcome.output, asked), asked) { columns, property throws(ZFSError) in
            try await run(["get", "-r", "-H", "-p", "-o", columns, property] + roots)
        }
    }

    /// The snapshots of a dataset without those of the datasets below it, oldest first.
    /// - Parameter properties: none of a user's.
    /// - Throws: ``ZFSError``, also where the dataset does not exist.
    public func ownSnapshots(
        of dataset: DatasetName, properties: [String] = []
    ) async throws(ZFSError) -> [ListedSnapshot] {
        let asked = AskedProperties(properties)
        let outcome = try await run(
            ["get", "-r", "-d", "1", "-H", "-p", "-o", "name,property,value", asked.columns, dataset.rawValue])
        // zfs-fuse knows no -d here.
        let all =
            outcome.exitStatus == 0
            ? parse(outcome.output, asked) : try await snapshots(of: dataset, properties: asked.native)
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
        let asked = AskedProperties(properties)
        var found: [ListedSnapshot] = []
        var rest = names[...]
        while !rest.isEmpty {
            let some = rest.prefix(Self.snapshotsPerCall)
            rest = rest.dropFirst(some.count)
            let ask = { (columns: String, properties: String) async throws(ZFSError) -> Outcome in
                try await existing(
                    ["get", "-H", "-p", "-o", columns, properties] + some.map(\.rawValue),
                    "zfs could not list the snapshots")
            }
            let listed = parse(try await ask("name,property,value", asked.columns).output, asked)
            found += try await complete(listed, asked, ask)
        }
        return found
    }

    /// Those of the datasets that are not there: destroyed, renamed, or of a pool that is not imported.
    public func missing(of datasets: Set<DatasetName>) async throws(ZFSError) -> Set<DatasetName> {
        var missing = datasets
        var rest = datasets.sorted()[...]
        while !rest.isEmpty {
            let some = rest.prefix(Self.snapshotsPerCall)
            rest = rest.dropFirst(some.count)
            let outcome = try await existing(
                ["list", "-H", "-o", "name", "-t", "filesystem,volume"] + some.map(\.rawValue),
                "zfs could not list the datasets")
            for line in outcome.output.split(separator: "\n") {
                if let name = try? DatasetName(String(line)) { missing.remove(name) }
            }
        }
        return missing
    }

    /// Those that are missing are named on standard error; the others are listed all the same. A call that ended without a
    /// word, as when it was killed, says nothing of what is missing.
    private func existing(_ arguments: [String], _ trouble: String) async throws(ZFSError) -> Outcome {
        let outcome = try await run(arguments)
        let isExplained =
            outcome.exitStatus == 1 && !outcome.errorLines.isEmpty
            && outcome.errorLines.allSatisfy { $0.has("does not exist") }
        guard outcome.exitStatus == 0 || isExplained else { throw failure(outcome, trouble) }
        return outcome
    }

    /// The GUIDs of those snapshots that exist.
    public func guids(of snapshots: [SnapshotName]) async throws(ZFSError) -> [SnapshotName: String] {
        let found = try await self.snapshots(named: snapshots)
        return Dictionary(found.map { ($0.name, $0.guid) }) { first, _ in first }
    }
}

// MARK: what zfs says

/// Properties to ask for: zfs's own, whose values are numbers and words of its own, together; a user's one by one.
struct AskedProperties {
    let native: [String]
    let user: [String]

    init(_ properties: [String]) {
        native = properties.filter { !$0.utf8.contains(UInt8(ascii: ":")) }
        user = properties.filter { $0.utf8.contains(UInt8(ascii: ":")) }
    }

    var columns: String { (["guid"] + native).joined(separator: ",") }
}

extension ZFSCommand {
    private static let mostUncertain = 64

    func parse(_ output: String, _ asked: AskedProperties) -> [ListedSnapshot] {
        var places: [Substring: Int] = [:]
        var found: [(name: SnapshotName, guid: String?, properties: [String: String])] = []
        for line in output.utf8.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: "\t"), maxSplits: 2, omittingEmptySubsequences: false)
                .map { Substring($0) }
            guard fields.count == 3, fields[2] != "-" else { continue }
            let property = String(fields[1])
            guard property == "guid" || asked.native.contains(property) else { continue }
            let place: Int
            if let known = places[fields[0]] {
                place = known
            } else {
                guard let name = try? SnapshotName(String(fields[0])) else { continue }
                place = found.count
                places[fields[0]] = place
                found.append((name, nil, [:]))
            }
            if property == "guid" {
                if found[place].guid == nil { found[place].guid = String(fields[2]) }
            } else if found[place].properties[property] == nil {
                found[place].properties[property] = String(fields[2])
            }
        }
        return found.compactMap { snapshot in
            guard let guid = snapshot.guid, UInt64(guid) != nil else { return nil }
            return ListedSnapshot(name: snapshot.name, guid: guid, properties: snapshot.properties)
        }
    }

    /// Adds the user properties, whose values anybody may have chosen: zfs prints line feeds and tabs as they are.
    ///
    /// Each snapshot has one line for one property, set or not. So what has just one is not forged; where a value has
    /// made up another, that snapshot is asked for alone.
    private func complete(
        _ listed: [ListedSnapshot], _ asked: AskedProperties,
        _ ask: (_ columns: String, _ property: String) async throws(ZFSError) -> Outcome
    ) async throws(ZFSError) -> [ListedSnapshot] {
        guard !listed.isEmpty else { return [] }
        let names = listed.map(\.name.rawValue)
        var values = listed.map(\.properties)
        for property in asked.user {
            let output = try await ask("name,source,value", property).output
            var first: [Substring: Substring] = [:]
            var uncertain: Set<Substring> = []
            // By bytes: as characters, a value's last carriage return would be one with the line feed behind it.
            for line in output.utf8.split(separator: UInt8(ascii: "\n")).map({ Substring($0) }) {
                guard let tab = line.utf8.firstIndex(of: UInt8(ascii: "\t")) else { continue }
                let name = line[..<tab]
                if first.updateValue(line[line.utf8.index(after: tab)...], forKey: name) != nil {
                    uncertain.insert(name)
                }
            }
            var left = Self.mostUncertain
            for (place, name) in names.enumerated() where values[place][property] == nil {
                if !uncertain.contains(name[...]) {
                    values[place][property] = first[name[...]].flatMap(Self.ownValue)
                } else if left > 0 {
                    left -= 1
                    values[place][property] = try await userProperty(property, of: name)
                }
            }
        }
        return zip(listed, values).map { snapshot, values in
            ListedSnapshot(name: snapshot.name, guid: snapshot.guid, properties: values)
        }
    }

    /// A user property of one dataset or snapshot; nil where it is not set on it itself.
    func userProperty(_ property: String, of name: String) async throws(ZFSError) -> String? {
        let outcome = try await run(["get", "-H", "-p", "-o", "source,value", property, name])
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not tell \(property) of \(name)") }
        return Self.ownValue(outcome.output.prefix { $0 != "\n" })
    }

    /// Of `local TAB value`; nil where it is inherited or not set, and for a value that drives a terminal.
    private static func ownValue(_ text: Substring) -> String? {
        let fields = text.utf8.split(separator: UInt8(ascii: "\t"), maxSplits: 1, omittingEmptySubsequences: false)
            .map { Substring($0) }
        guard fields.count == 2, fields[0] == "local" || fields[0] == "received", fields[1] != "-",
            !fields[1].unicodeScalars.contains(where: { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) })
        else { return nil }
        return String(fields[1])
    }
}

/// Snapshots that exist; a failure where zfs did not say.
public typealias Listed = Result<[ListedSnapshot], ZFSError>
