import HostFixtures
import SnapshotManagers
import TestSupport
import Testing
import ZFS

@testable import RunState

@Suite("The open runs")
struct OpenRunsTests {
    /// A case of the table: open runs as (id, target, snapshot name), and the id that a post is to find.
    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var runs: [(id: String, target: String, name: String)]
        var snapshots = ["tank/VM@daily"]
        var manager = SnapshotManager.sanoid
        let expected: String?
    }

    static let samples = [
        Sample(testDescription: "none", runs: [], expected: nil),
        Sample(testDescription: "the same snapshot", runs: [("1", "tank/VM", "daily")], expected: "1"),
        Sample(
            testDescription: "the same snapshot before a newer run",
            runs: [("1", "tank/VM", "daily"), ("2", "tank/VM", "b")], expected: "1"),
        Sample(
            testDescription: "the newest of two with the snapshot",
            runs: [("1", "tank/VM", "daily"), ("2", "tank/VM", "daily")], expected: "2"),
        Sample(
            testDescription: "a snapshot that was renamed", runs: [("1", "tank/VM", "autosnap_daily")],
            snapshots: ["tank/VM@autosnapdst_daily"], expected: "1"),
        Sample(
            testDescription: "the newest of the target", runs: [("1", "tank/VM", "a"), ("2", "tank/VM", "b")],
            expected: "2"),
        Sample(
            testDescription: "another manager's run with the snapshot", runs: [("1", "tank/VM", "daily")],
            manager: .byHand, expected: "1"),
        Sample(
            testDescription: "another manager's run on the target", runs: [("1", "tank/VM", "autosnap")],
            manager: .byHand, expected: nil),
        Sample(
            testDescription: "another target", runs: [("1", "tank", "daily"), ("2", "tank/VM2", "daily")],
            expected: nil),
        Sample(
            testDescription: "one of several targets", runs: [("1", "tank/VM", "daily")],
            snapshots: ["rpool@daily", "tank/VM@daily"], expected: "1"),
    ]

    private func post(_ snapshots: [String], _ manager: SnapshotManager = .sanoid) throws -> Invocation {
        Invocation(manager: manager, phase: .post, snapshots: try snapshots.map { try SnapshotName($0) })
    }

    @Test("give a post the run that it belongs to", arguments: samples)
    func match(sample: Sample) throws {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            for run in sample.runs {
                try directory.write(makeRun(RunID(stringLiteral: run.id), targets: [run.target], names: [run.name]))
            }
            let open = OpenRuns(try directory.openRunIDs(), in: directory)
            #expect(open.unreadable.isEmpty)
            #expect(
                open.match(try post(sample.snapshots, sample.manager))?.id
                    == sample.expected.map { RunID(stringLiteral: $0) })
        }
    }

    @Test("report files that say nothing and continue with the others")
    func unreadable() throws {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            try directory.write(makeRun("2"))
            try scratch.write("state/runs/\("1" as RunID).json", "{")
            try scratch.write("state/runs/\("3" as RunID).json", "{\"format\": 99}")
            let open = OpenRuns(try directory.openRunIDs(), in: directory)
            #expect(open.runs.map(\.id) == ["2"])
            #expect(open.unreadable.compactMap { ($0 as? StateError)?.code } == [.damaged, .newerFormat])
            #expect(open.match(try post(["tank/VM@daily"]))?.id == "2")
        }
    }
}
