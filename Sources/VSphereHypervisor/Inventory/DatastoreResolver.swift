internal import ZFS

/// Says which datasets of this host a datastore is on.
protocol DatastoreResolver: Sendable {
    /// The datasets; none where it is not this host's, or is on none.
    func datasets(of datastore: DatastoreKind) -> [DatasetName]

    /// Whether it is seen to be this host's, though it may be on no dataset: an export that does not exist any more.
    func isLocal(_ datastore: DatastoreKind) -> Bool
}
