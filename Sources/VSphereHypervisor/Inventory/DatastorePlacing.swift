internal import Hypervisor
public import Storage

/// Says which datasets of this host a datastore is on.
public protocol DatastorePlacing: Sendable {
    /// The datasets; none where it is not this host's, or is on none.
    func datasets(of datastore: DatastoreKind) -> [DatasetName]

    /// Whether it is seen to be this host's, though it may be on no dataset: an export that does not exist any more.
    func isLocal(_ datastore: DatastoreKind) -> Bool
}

/// Finds nothing: the configuration must say it all.
public struct NoPlacing: DatastorePlacing {
    /// Finds nothing.
    public init() {}
    /// None.
    public func datasets(of datastore: DatastoreKind) -> [DatasetName] { [] }
    /// No.
    public func isLocal(_ datastore: DatastoreKind) -> Bool { false }
}
