internal import RunState
internal import ZFS

/// Which of the snapshots that restore points refer to are still there, under whatever name.
struct SnapshotPresence {
    enum Answer { case there, gone, unknown }

    private let zfs: ZFSCommand
    private let guidsByName: [SnapshotName: String]
    private var everywhere: [ListedSnapshot]?
    private var guidsEverywhere: Set<String> = []
    private var importedPools: Set<String>?

    /// Asks for all of them at once by their names.
    init(of snapshots: [RestorePointSnapshot], zfs: ZFSCommand) async throws {
        self.zfs = zfs
        guidsByName = try await zfs.guids(of: Set(snapshots.map(\.name)).sorted())
    }

    /// Searches every pool only when a name does not lead to the snapshot.
    mutating func answer(_ snapshot: RestorePointSnapshot, of run: RunID) async throws -> Answer {
        let found = guidsByName[snapshot.name]
        guard let guid = snapshot.guid else {
            if found != nil { return .there }
            // zfs did not answer when the run ended. Its dataset may have been renamed since.
            if try await mayBeAnywhere(snapshot.name, run) { return .unknown }
            return try await isImported(snapshot.name.dataset) ? .gone : .unknown
        }
        if found == guid { return .there }
        if try await isAnywhere(guid) { return .there }
        return try await isImported(snapshot.name.dataset) ? .gone : .unknown
    }

    private mutating func isAnywhere(_ guid: String) async throws -> Bool {
        _ = try await all()
        return guidsEverywhere.contains(guid)
    }

    private mutating func mayBeAnywhere(_ name: SnapshotName, _ run: RunID) async throws -> Bool {
        try await all().contains { $0.name.name == name.name || SnapshotProperties.run(in: $0) == run }
    }

    private mutating func all() async throws -> [ListedSnapshot] {
        if let everywhere { return everywhere }
        let found = try await zfs.snapshots(of: nil, properties: [SnapshotProperties.runKey])
        everywhere = found
        guidsEverywhere = Set(found.map(\.guid))
        return found
    }

    private mutating func isImported(_ dataset: DatasetName) async throws -> Bool {
        if importedPools == nil { importedPools = Set(try await zfs.pools()) }
        return importedPools?.contains(dataset.pool.rawValue) == true
    }
}
