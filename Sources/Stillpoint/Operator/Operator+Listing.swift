internal import Logging
internal import Storage

extension Operator {
    /// `stillpoint list [DATASET]`
    public func list(_ dataset: String?, json: Bool) async -> ExitCode {
        await perform { configuration in
            let dataset = try dataset.map { try DatasetName($0) }
            if let dataset, try await !context.zfs.exists(dataset.rawValue) {
                throw UnknownDatasetError(dataset: dataset)
            }
            let machines = try await listing(configuration).machines(on: dataset)
            try tell(machines, json: json) { ListedMachine.table($0) }
            return .done
        }
    }

    /// `stillpoint show DATASET@SNAP`
    public func show(_ snapshot: String, json: Bool) async -> ExitCode {
        await perform { configuration in
            let machines = try await listing(configuration).machines(in: try SnapshotName(snapshot))
            try tell(machines, json: json) { machines in
                guard !machines.isEmpty else { return "\(snapshot) was taken without Stillpoint, or holds no VM\n" }
                return machines.map(\.paragraph).joined()
            }
            return .done
        }
    }

    private func listing(_ configuration: Configuration) -> Listing {
        let points = RestorePoints(catalogue(configuration), coldStorage: configuration.coldStorage)
        for problem in points.problems { context.log.warning("\(problem)") }
        return Listing(points: points, zfs: context.zfs)
    }

    private func tell(_ machines: [ListedMachine], json: Bool, _ text: ([ListedMachine]) -> String) throws {
        if json {
            write(String(decoding: try StateFile.text(machines), as: UTF8.self) + "\n")
        } else {
            say(text(machines))
        }
    }
}
