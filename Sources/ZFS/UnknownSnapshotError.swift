/// A snapshot that is not there.
public struct UnknownSnapshotError: Error, CustomStringConvertible {
    /// Its name.
    public let snapshot: SnapshotName
    /// One line, with the way out.
    public var description: String { "the snapshot \(snapshot) does not exist; 'stillpoint list' shows those that do" }
}

extension ZFSCommand {
    /// One snapshot.
    /// - Throws: UnknownSnapshotError, ZFSError.
    public func snapshot(_ name: SnapshotName, properties: [String] = []) async throws -> ListedSnapshot {
        guard try await exists(name.rawValue) else { throw UnknownSnapshotError(snapshot: name) }
        let all = try await snapshots(named: [name], properties: properties)
        guard let found = all.first else { throw UnknownSnapshotError(snapshot: name) }
        return found
    }
}
