internal import Storage

/// Which of the snapshots that restore points refer to are still there, under whatever name.
struct SnapshotPresence {
    enum Answer { case there, gone, unknown }

    private let zfs: ZFSCommand
    private let guidsByName: [SnapshotName: String]
    private var guidsEverywhere: Set<String>?
    private var importedPools: Set<String>?

    /// Asks for all of them at once by their names.
    init(of snapshots: [KeptSnapshot], zfs: ZFSCommand) async throws {
        self.zfs = zfs
        guidsByName = try await zfs.guids(of: Set(snapshots.map(\.name)).sorted())
    }

    /// Looks at every pool only when a name does not lead to the snapshot.
    mutating func answer(_ snapshot: KeptSnapshot) async throws -> Answer {
        let found = guidsByName[snapshot.name]
        guard let guid = snapshot.guid else {
            if found != nil { return .there }
            return try await isImported(snapshot.name.dataset) ? .gone : .unknown
        }
        if found == guid { return .there }
        if try await isAnywhere(guid) { return .there }
        return try await isImported(snapshot.name.dataset) ? .gone : .unknown
    }

    private mutating func isAnywhere(_ guid: String) async throws -> Bool {
        if guidsEverywhere == nil { guidsEverywhere = Set(try await zfs.snapshots(of: nil).map(\.guid)) }
        return guidsEverywhere?.contains(guid) == true
    }

    private mutating func isImported(_ dataset: DatasetName) async throws -> Bool {
        if importedPools == nil { importedPools = Set(try await zfs.pools()) }
        return importedPools?.contains(dataset.pool.rawValue) == true
    }
}
