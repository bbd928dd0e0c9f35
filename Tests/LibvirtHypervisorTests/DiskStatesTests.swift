import Hypervisor
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("The page of states, on a disk")
struct DiskStatesTests {
    private static let columns = ["step", "progress", "runs on", "named", "overlay", "newer", "same QEMU", "found"]

    private func uses(_ word: String?) -> [DiskChain] {
        switch word {
        case "overlay": OverlayStateTests.onOverlay
        case "base": OverlayStateTests.onBase
        default: []
        }
    }

    private func word(_ finding: OverlayState) -> String {
        switch finding {
        case .free: "free"
        case .live: "live"
        case .defined, .orphan: "offline"
        case .pivoted: "redefine"
        case .doubtful: "doubt"
        }
    }

    @Test("says what a release does in each row of its table")
    func rows() throws {
        let table = try MarkdownTable(Self.columns, in: "docs/states.md")
        #expect(table.rows.count > 40)
        let contents: [String: OverlayContent] = [
            "missing": .missing, "unfinished": .unfinished, "unwritten": .unwritten, "written": .written,
        ]
        for row in table.rows {
            var disk = OverlayStateTests.disk
            disk.progress = row["progress"].flatMap { OverlayDisk.Progress(rawValue: $0) }
            #expect((disk.progress == nil) == row["progress"]?.isEmpty, "\(row)")
            let runs = row["runs on"] ?? ""
            let finding = OverlayState.find(
                disk, step: try #require(row["step"].flatMap { FreezeState.Step(rawValue: $0) }),
                live: runs.isEmpty ? nil : uses(runs), persistent: uses(row["named"]),
                overlay: try #require(row["overlay"].flatMap { contents[$0] }),
                lead: row["newer"].flatMap { Int($0) }.map { .seconds($0) }, isSameProcess: row["same QEMU"] == "yes")
            #expect(word(finding) == row["found"], "\(row)")
        }
    }

    @Test("names each step and each progress")
    func words() throws {
        let steps = try MarkdownTable(
            ["step of its freeze state", "what is held", "licence"], in: "docs/states.md")
        #expect(
            steps.rows.compactMap { $0["step of its freeze state"] }
                == ["none"]
                + [FreezeState.Step.preparing, .switching, .held, .releasing, .released].map { "`\($0.rawValue)`" })
        let progress = try MarkdownTable(
            ["progress of a disk", "written", "what it says"], in: "docs/states.md")
        #expect(
            progress.rows.compactMap { $0["progress of a disk"] }
                == ["none"]
                + [OverlayDisk.Progress.committing, .pivotRequested, .undecided, .committed].map { "`\($0.rawValue)`" })
    }
}
