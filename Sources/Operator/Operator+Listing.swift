internal import Configuration
package import Engine
internal import Logging
internal import RunState
internal import ZFS

extension Operator {
    /// `stillpoint list [DATASET]`
    package func list(_ dataset: String?, json: Bool) async -> ExitCode {
        await perform { configuration in
            let dataset = try dataset.map { try DatasetName($0) }
            // What cannot be read is said also where zfs refuses.
            let listing = self.listing(configuration)
            if let dataset, try await !context.zfs.exists(dataset.rawValue) {
                throw UnknownDatasetError(dataset: dataset)
            }
            let machines = try await whileWaiting(for: "zfs") { try await listing.machines(on: dataset) }
            try tell(machines, json: json) { ListedVM.table($0) }
            return .done
        }
    }

    /// `stillpoint show [-r] DATASET@SNAP`
    package func show(_ snapshot: String, recursive: Bool = false, json: Bool) async -> ExitCode {
        await perform { configuration in
            let (name, listing) = (try SnapshotName(snapshot), self.listing(configuration))
            let own = try await listing.machines(in: name)
            let below = recursive || own.isEmpty && !json ? try await listing.machines(below: name) : []
            try tell(recursive ? own + below : own, json: json) { machines in
                if recursive { return ListedVM.summary(of: machines, in: name) }
                guard machines.isEmpty else { return machines.map(\.paragraph).joined() }
                return ListedVM.absence(from: name, below: below)
            }
            return .done
        }
    }

    private func listing(_ configuration: Configuration) -> Listing {
        let points = RestorePoints(catalogue(configuration), coldStorage: configuration.coldStorage)
        for problem in points.problems { context.log.warning("\(problem)") }
        return Listing(points: points, zfs: context.zfs)
    }

    private func tell(_ machines: [ListedVM], json: Bool, _ text: ([ListedVM]) -> String) throws {
        if json {
            write(String(decoding: try StateFile.text(machines), as: UTF8.self) + "\n")
        } else {
            say(text(machines))
        }
    }
}
