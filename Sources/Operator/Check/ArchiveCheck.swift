internal import Bounds
internal import Configuration
internal import Engine
internal import Glibc
internal import Hypervisor
internal import RunState
internal import Support

/// RAM dumps: what waits for cold storage, what could not be moved there, and what is gone.
struct ArchiveCheck: CheckTheme {
    private static let longestWait: Int64 = 24 * 3600
    private static let most = 20

    let site: CheckedSite
    var subject: String { "the RAM dumps" }
    private var configuration: Configuration { site.configuration }

    func findings() async throws -> [Finding] {
        try await blocking("reading the catalogue", within: .seconds(60)) { judge(now: Int64(time(nil))) }
    }

    func judge(now: Int64) -> [Finding] {
        let catalogue = Catalogue(StateDirectory(configuration.stateDirectory))
        let (points, problems) = catalogue.all()
        let unreadable = problems.map { problem in
            site.isRoot || problem.code != .directory
                ? Finding(.catalogueUnreadable, "\(problem)") : Finding(.notRoot, "\(problem)")
        }
        return unreadable + backlog(catalogue.runsToArchive(), points, now) + stuck(points) + missing(points)
    }

    private func backlog(_ runs: [RunID], _ points: [RestorePoint], _ now: Int64) -> [Finding] {
        guard let oldest = runs.first else { return [] }
        let waiting = Set(runs)
        let bytes = points.filter { waiting.contains($0.run) }.flatMap(\.machines).compactMap(\.dump)
            .filter { $0.packed == nil }.reduce(UInt64(0)) { $0.plus($1.bytes) }
        let age = oldest.time.map { now - $0 } ?? 0
        return [
            Finding(
                age > Self.longestWait ? .archiveOverdue : .archiveWaiting,
                "RAM dumps of \(runs.count) run\(runs.count == 1 ? "" : "s"), \(formattedBytes(bytes)), wait for cold storage, "
                    + "the oldest since \(oldest.time.map(utcText) ?? oldest.text)",
                fix: "stillpoint archive")
        ]
    }

    private func stuck(_ points: [RestorePoint]) -> [Finding] {
        all(in: points).compactMap { run, machine, dump in
            guard let problem = dump.problem, dump.packed == nil else { return nil }
            return Finding(
                .dumpNotArchived,
                "the RAM of \(printable(machine)), run \(run), could not be moved to cold storage: \(problem)",
                fix: "stillpoint archive")
        }.suffix(Self.most)
    }

    /// Where cold_storage itself is not there, that is said, and nothing of each dump.
    private func missing(_ points: [RestorePoint]) -> [Finding] {
        let cold = configuration.coldStorage
        let isColdThere = cold.map(fileExists) ?? true
        let gone = all(in: points).filter { _, _, dump in
            guard !site.isHidden(dump.path) else { return false }
            if !isColdThere, let cold, FileAccess.isPath(dump.path, within: cold) { return false }
            return !fileExists(dump.path)
        }
        guard let newest = gone.last else { return [] }
        return [
            Finding(
                .dumpMissing,
                "\(gone.count) RAM dump\(gone.count == 1 ? " is" : "s are") not where the catalogue says, the newest of them of "
                    + "\(printable(newest.machine)), run \(newest.run): \(printable(newest.dump.path, limit: 400))",
                fix:
                    "put back what was moved; what is lost is named until you destroy the snapshot, and then: stillpoint prune "
                    + "--orphans")
        ]
    }

    private func all(in points: [RestorePoint]) -> [(run: RunID, machine: String, dump: StoredDump)] {
        points.flatMap { point in
            point.machines.compactMap { machine in machine.dump.map { (point.run, machine.name, $0) } }
        }
    }
}
