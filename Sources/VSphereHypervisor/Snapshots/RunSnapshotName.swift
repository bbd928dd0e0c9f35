/// The name of the VM snapshots of a run.
func snapshotName(run: String) -> String { snapshotPrefix + run }

/// What the names of all our snapshots begin with.
let snapshotPrefix = "stillpoint "
