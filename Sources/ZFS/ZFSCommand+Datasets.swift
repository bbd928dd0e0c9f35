extension ZFSCommand {
    /// A property's value as a script reads it; nil where it is not set (`-`).
    public func property(_ name: String, of dataset: DatasetName) async throws(ZFSError) -> String? {
        let outcome = try await run(["get", "-H", "-p", "-o", "value", name, dataset.rawValue])
        guard outcome.exitStatus == 0 else {
            throw failure(outcome, "zfs could not tell \(name) of \(dataset)")
        }
        let value = outcome.output.prefix { $0 != "\n" }
        return value == "-" || value.isEmpty ? nil : String(value)
    }

    /// Makes a dataset from a snapshot; it is mounted as the datasets beside it are.
    public func clone(
        _ snapshot: SnapshotName, to dataset: DatasetName, properties: [(name: String, value: String)] = []
    ) async throws(ZFSError) {
        let options = properties.flatMap { ["-o", "\($0.name)=\($0.value)"] }
        let outcome = try await run(["clone"] + options + [snapshot.rawValue, dataset.rawValue])
        guard outcome.exitStatus == 0 else {
            throw failure(outcome, "zfs could not clone \(snapshot) to \(dataset)")
        }
    }

    /// Mounts a dataset that is not mounted automatically (`canmount=noauto`).
    public func mount(_ dataset: DatasetName) async throws(ZFSError) {
        let outcome = try await run(["mount", dataset.rawValue])
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not mount \(dataset)") }
    }

    /// Takes a dataset back to a snapshot.
    /// - Parameter destroyingNewer: destroys the snapshots that are newer; otherwise zfs refuses when there are any.
    public func rollBack(to snapshot: SnapshotName, destroyingNewer: Bool) async throws(ZFSError) {
        let outcome = try await run(["rollback"] + (destroyingNewer ? ["-r"] : []) + [snapshot.rawValue])
        guard outcome.exitStatus == 0 else {
            throw failure(outcome, "zfs could not roll back to \(snapshot)")
        }
    }

    /// Destroys a clone that the caller made, with the snapshots that a recursive snapshot made of it meanwhile.
    public func destroyClone(_ dataset: DatasetName) async throws(ZFSError) {
        let outcome = try await run(["destroy", "-r", dataset.rawValue])
        guard outcome.exitStatus == 0 else {
            throw failure(outcome, "zfs could not destroy the clone \(dataset)")
        }
    }
}
