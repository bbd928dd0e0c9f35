internal import ZFS

/// What one manager's way of calling told; the options are added to it.
struct Request {
    var manager: SnapshotManager
    var targets: [DatasetName] = []
    var snapshots: [SnapshotName] = []
    var recursion: Invocation.Recursion
    var deadline: Duration?
    /// Nil: the snapshots' names tell them.
    var types: [String]?
    var isDryRun = false

    /// Adds every pair of a dataset and a name.
    mutating func add(
        _ datasets: [DatasetName], names: [String], from variable: HookVariable
    ) throws(InvocationError) {
        targets += datasets
        for dataset in datasets {
            for name in names {
                do {
                    snapshots.append(try SnapshotName(dataset: dataset, name: name))
                } catch {
                    throw InvocationError(.badValue, "\(variable.rawValue): \(error.message)")
                }
            }
        }
    }
}
