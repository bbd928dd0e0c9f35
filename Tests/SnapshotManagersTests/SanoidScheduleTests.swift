import SnapshotManagers
import TestSupport
import Testing
import ZFS

@Suite("What sanoid.conf has sanoid do")
struct SanoidScheduleTests {
    private func schedule(_ text: String, of datasets: [String] = ["tank/VM", "tank/VM/db", "tank/other"]) throws
        -> SanoidSchedule
    {
        try withScratchFolder { scratch in
            try scratch.write("sanoid.conf", text + "\n")
            return try SanoidSchedule(
                directory: scratch.path, datasets: Set(try datasets.map { try DatasetName($0) }), defaultsPaths: [])
        }
    }

    private func targets(_ schedule: SanoidSchedule, _ dataset: String) throws -> [String] {
        schedule.calls(for: try DatasetName(dataset)).map(\.target.rawValue)
    }

    @Test(
        "is one call for a tree, or one for each dataset",
        arguments: [
            ("[tank/VM]\nrecursive = zfs", ["tank/VM"], ["tank/VM"]),
            ("[tank/VM]\nrecursive = yes", ["tank/VM"], ["tank/VM/db"]),
            ("[tank/VM]", ["tank/VM"], []),
            ("[tank/VM]\nautosnap = no", [], []),
            ("[tank/VM]\nrecursive = yes\nprocess_children_only = yes", [], ["tank/VM/db"]),
            ("[tank/VM]\nrecursive = yes\n[tank/VM/db]\nautosnap = no", ["tank/VM"], []),
            ("[tank]\nrecursive = zfs\n[tank/VM]\nautosnap = yes", ["tank"], ["tank"]),
            ("[tank/VM]\nhourly = 0\ndaily = 0", [], []),
            ("[tank/VM]\nhourly = 0\ndaily = 3", ["tank/VM"], []),
            ("[anything]\npath = tank/VM", ["tank/VM"], []), ("", [], []),
        ] as [(String, [String], [String])])
    func calls(text: String, top: [String], below: [String]) throws {
        let schedule = try schedule(text)
        #expect(try targets(schedule, "tank/VM") == top)
        #expect(try targets(schedule, "tank/VM/db") == below)
        #expect(try targets(schedule, "tank2/other").isEmpty)
    }

    @Test("has the lines of all templates, the later before the earlier, and its own before both")
    func lines() throws {
        let schedule = try schedule(
            """
            [tank/VM]
            use_template = hooks, times
            recursive = yes
            no_inconsistent_snapshot = yes
            [template_hooks]
            pre_snapshot_script = /a/pre-snapshot
            post_snapshot_script = /a/post-snapshot
            script_timeout = 7
            [template_times]
            script_timeout = 90
            autoprune = yes
            """)
        for dataset in ["tank/VM", "tank/VM/db"] {
            let call = try #require(schedule.calls(for: try DatasetName(dataset)).first)
            #expect(call.preSnapshotScript == "/a/pre-snapshot" && call.postSnapshotScript == "/a/post-snapshot")
            #expect(call.scriptTimeout == .seconds(90) && call.prunes && call.withholdsInconsistent)
            #expect(call.pruningScript == nil && !call.forcesPost && call.section == "tank/VM")
        }
    }

    @Test(
        "holds disks of one moment where one call takes all their datasets",
        arguments: [
            ("[tank]\nrecursive = zfs", true), ("[tank]\nrecursive = yes", false), ("[tank/VM]\n[tank/other]", false),
            ("[tank/VM]\nrecursive = zfs", false),
        ])
    func together(text: String, isTogether: Bool) throws {
        let datasets = try ["tank/VM/db", "tank/other"].map { try DatasetName($0) }
        #expect(try schedule(text).takesTogether(datasets) == isTogether)
    }

    @Test("names templates that are not there")
    func templates() throws {
        let missing = try schedule("[tank/VM]\nuse_template = a,b , c\n[template_b]\nautosnap = yes").missingTemplates
        #expect(missing.map(\.template) == ["a", "c"] && missing.allSatisfy { $0.section == "tank/VM" })
    }
}
