internal import Configuration
internal import SnapshotManagers
internal import ZFS

/// Finds out whether a new dataset will be snapshotted because of where it lies.
struct SnapshottedTrees: Sendable {
    let configuration: Configuration
    let zfs: ZFSCommand
    /// A snapshot's name that some manager gave: an ancestor that has one of that name was taken together with what is below.
    let snapshotName: String

    /// The topmost dataset above that is snapshotted with all below it, and what says so; nil where nothing says so.
    func tree(around dataset: DatasetName) async -> (root: DatasetName, evidence: String)? {
        let sanoid = try? SanoidConfiguration(directory: configuration.sanoidDirectory)
        for root in dataset.ancestors {
            if sanoid?.takesAlong(dataset, below: root) == true { return (root, "sanoid.conf") }
            if configuration.datasets.contains(where: { $0.dataset == root && $0.recursive == .yes }) {
                return (root, "recursive = yes in [\(root)]")
            }
            if (try? await zfs.exists("\(root)@\(snapshotName)")) == true {
                return (root, "it has @\(snapshotName) too")
            }
        }
        return nil
    }
}
