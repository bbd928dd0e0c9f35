extension ZFSCommand {
    /// All file systems and volumes of the imported pools, by name.
    /// - Throws: ``ZFSError``
    public func datasetNames() async throws(ZFSError) -> [String] {
        try await names(["-t", "filesystem,volume"])
    }

    /// The snapshots of a dataset without those of the datasets below it, the newest last.
    /// - Throws: ``ZFSError``, also where the dataset does not exist.
    public func snapshotNames(of dataset: DatasetName) async throws(ZFSError) -> [String] {
        try await names(["-d", "1", "-t", "snapshot", "-s", "createtxg", dataset.rawValue])
    }

    private func names(_ arguments: [String]) async throws(ZFSError) -> [String] {
        let outcome = try await run(["list", "-H", "-o", "name"] + arguments)
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not list names") }
        return outcome.output.split(separator: "\n").map(String.init)
    }
}
