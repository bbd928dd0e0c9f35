import Glibc
import HostFixtures
import Hypervisor
import JSON
import RAMArchive
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("Listing", .serialized)
struct ListingTests {
    private func listing(_ pool: PoolBench) -> Listing { Listing(points: pool.points, zfs: pool.pool.command) }

    private func listed(
        _ name: String, _ consistency: String, reason: String? = nil, ram: ListedVM.RAM? = nil, frozen: Int64? = nil,
        paused: Int64? = nil, age: Int64? = nil, notes: [String] = []
    ) -> ListedVM {
        ListedVM(
            snapshot: "tank/VM@daily", guid: "1", run: nil, vm: name, vmID: nil, consistency: consistency,
            reason: reason,
            frozenMilliseconds: frozen, pausedMilliseconds: paused, ram: ram, ageSeconds: age, notes: notes)
    }

    private func ram(_ bytes: UInt64, _ place: String, problem: String? = nil, isThere: Bool = true)
        -> ListedVM.RAM
    {
        ListedVM.RAM(
            bytes: bytes, storedBytes: bytes / 2, path: "/cold/a b.ram", place: place, sha256: "ab", problem: problem,
            isThere: isThere, isSealed: true)
    }

    @Test("is a table with a line for each VM in each snapshot")
    func table() {
        let text = ListedVM.table([
            listed("web01", "memory", ram: ram(200 << 20, "cold_storage"), paused: 12, age: 119),
            listed("a\nb", "quiesced", frozen: 40, age: 7199), listed("db", "off", age: 7200),
            listed("x", "memory", ram: ram(2046, "ram_dir", problem: "full"), age: 172_800),
            listed("y", "memory", ram: ram(2, "cold_storage", isThere: false), age: -5),
            listed("z", "crash", reason: "agent-silent"),
        ]).text
        let lines = text.split(separator: "\n").map { $0.split(separator: "  ").map { $0.drop { $0 == " " } } }
        #expect(
            lines == [
                ["SNAPSHOT", "VM", "CONSISTENCY", "REASON", "FROZEN", "RAM", "PLACE", "AGE"],
                ["tank/VM@daily", "web01", "memory", "-", "12 ms", "100.0M", "cold_storage", "119s"],
                ["tank/VM@daily", "a\\nb", "quiesced", "-", "40 ms", "-", "-", "119m"],
                ["tank/VM@daily", "db", "off", "-", "-", "-", "-", "2h"],
                ["tank/VM@daily", "x", "memory", "-", "-", "1023B", "ram_dir (not archived)", "2d"],
                ["tank/VM@daily", "y", "memory", "-", "-", "1B", "missing", "0s"],
                ["tank/VM@daily", "z", "crash", "agent-silent", "-", "-", "-", "-"],
            ])
        #expect(text.hasPrefix("SNAPSHOT       VM     CONSISTENCY  REASON        FROZEN"))
        #expect(text.contains("\ntank/VM@daily  db     off          -             -     "))
    }

    @Test("says since when a VM is stale")
    func stale() {
        var machine = listed("web01", "stale")
        machine.staleSince = "2026-11-21T11:00:00Z"
        #expect(ListedVM.table([machine]).text.contains("stale since 2026-11-21T11:00:00Z"))
        #expect(machine.paragraph.hasPrefix("web01: stale since 2026-11-21T11:00:00Z\n"))
        #expect(machine.paragraph.contains("holds nothing of what it wrote since"))
        #expect(ListedVM.table([listed("web01", "stale")]).text.contains("  stale  "))
    }

    @Test("has an empty table's header alone where there is nothing")
    func empty() {
        #expect(ListedVM.table([]).text == "SNAPSHOT  VM  CONSISTENCY  REASON  FROZEN  RAM  PLACE  AGE\n")
    }

    @Test(
        "writes bytes as zfs does",
        arguments: [
            (0, "0B"), (1023, "1023B"), (1024, "1.0K"), (1536, "1.5K"), (95_210_000, "90.8M"), (1 << 30, "1.0G"),
            (1 << 40, "1.0T"), (1 << 50, "1024.0T"),
        ] as [(UInt64, String)])
    func units(bytes: UInt64, expected: String) {
        #expect(formattedBytes(bytes) == expected)
    }

    @Test("shows all that is known of a VM in a paragraph")
    func paragraph() {
        let machine = listed(
            "web01", "memory", ram: ram(2046, "ram_dir", problem: "no\nroom", isThere: false), frozen: 40, paused: 12,
            notes: ["quiesce: no agent"])
        #expect(
            machine.paragraph.split(separator: "\n").map { $0.drop { $0 == " " } } == [
                "web01: memory", "file systems frozen for 40 ms", "paused for 12 ms",
                "RAM: 2.0K as 1023B in /cold/a b.ram", "that file is MISSING", "sha256 of the RAM: ab",
                "not in cold storage: no\\nroom", "quiesce: no agent",
            ])
    }

    @Test("tells of each VM in the snapshots that hold its disks, from the catalogue")
    func fromCatalogue() async throws {
        try await withPool { pool async throws in
            for name in ["tank@daily", "tank/VM@daily", "tank/VM/db@daily", "tank/other@by hand"] {
                try pool.pool.add(name)
            }
            let dump = try pool.dump()
            var web = try keptMachine(dump: dump)
            web.pausedMilliseconds = 12
            try pool.keep(
                [keptMachine("db", on: ["tank/VM/db"], .quiesced), web, keptMachine("alpha", .off)],
                in: ["tank@daily", "tank/VM@daily", "tank/VM/db@daily"])
            let machines = try await listing(pool).machines(on: nil)
            #expect(machines.map(\.vm) == ["alpha", "web01", "db"])
            #expect(machines.map(\.snapshot) == ["tank/VM@daily", "tank/VM@daily", "tank/VM/db@daily"])
            let found = try #require(machines.first { $0.vm == "web01" })
            #expect(found.ram == ListedVM.RAM(dump))
            #expect(found.ram?.place == "ram_dir" && found.ram?.isThere == true)
            #expect(found.pausedMilliseconds == 12 && found.vmID == "id-of-web01" && found.run == PoolBench.run.text)
            #expect(try await listing(pool).machines(on: DatasetName("tank/VM/db")).map(\.vm) == ["db"])
            #expect(try await listing(pool).machines(in: SnapshotName("tank/VM@daily")).count == 2)
            #expect(try await listing(pool).machines(in: SnapshotName("tank/other@by hand")).isEmpty)

            let json = try StateFile.text(machines)
            #expect(try JSON.decode([ListedVM].self, from: json) == machines)
            #expect(String(decoding: json, as: UTF8.self).contains("\"storedBytes\": \(dump.bytes)"))
        }
    }

    @Test("decides by the snapshots' own properties where nobody knows the run any more")
    func fromProperties() async throws {
        try await withPool { pool async throws in
            try pool.pool.add(
                "tank/VM@daily",
                [
                    SnapshotProperties.machinesKey: "web%201=memory,db=off",
                    SnapshotProperties.runKey: PoolBench.run.text,
                ])
            try pool.pool.add("tank/VM@strange", [SnapshotProperties.machinesKey: ",x,=,+3,a=crash"])
            try pool.pool.add("tank/VM@by hand")
            let machines = try await listing(pool).machines(on: DatasetName("tank"))
            #expect(machines.filter { $0.snapshot == "tank/VM@daily" }.map(\.vm) == ["web 1", "db"])
            #expect(machines.prefix(2).map(\.consistency) == ["memory", "off"])
            #expect(
                machines.first?.run == PoolBench.run.text && machines.first?.guid == FakePool.guid(of: "tank/VM@daily"))
            #expect(machines.filter { $0.snapshot == "tank/VM@strange" }.map(\.vm) == ["a"])
            #expect(machines.filter { $0.snapshot == "tank/VM@strange" }.map(\.ageSeconds) == [nil])
            #expect(machines.allSatisfy { $0.snapshot != "tank/VM@by hand" })
        }
    }

    @Test("says why a VM is crash: by the snapshot's properties, else by its restore point")
    func reasons() async throws {
        try await withPool { pool async throws in
            try pool.pool.add("tank/VM@daily", [SnapshotProperties.machinesKey: "db=crash:no-room,web01=crash"])
            try pool.pool.add("tank/VM@old", [SnapshotProperties.machinesKey: "db=crash:agent-silent,x=crash"])
            var (web, db) = (try keptMachine("web01", .crash), try keptMachine("db", .crash))
            (web.reason, db.reason) = (.agentMissing, .callFailed)
            try pool.keep([web, db])
            let machines = try await listing(pool).machines(on: nil)
            #expect(machines.map(\.vm) == ["db", "web01", "db", "x"])
            #expect(machines.map(\.reason) == ["no-room", "agent-missing", "agent-silent", nil])
        }
    }

    @Test(
        "tells of a snapshot whose run is open still what the run has of its VMs, and of no namesake that was there before"
    )
    func openRun() async throws {
        try await withPool { pool async throws in
            for name in ["tank/VM@daily", "tank/VM@other", "tank/VM/db@daily"] { try pool.pool.add(name) }
            var run = try makeRun(
                "20261121T110000Z-0000aa", recursive: ["tank/VM"],
                machines: [makeRecord("web01", .crash), makeRecord("db", on: ["tank/VM/db"])])
            run.machines[0].strategy = .crashConsistent
            run.machines[0].fallbacks = [.init(strategy: .quiesce, reason: "no answer", code: .agentSilent)]
            try pool.bench.directory.prepare()
            try pool.bench.directory.write(run)
            func found() async throws -> [ListedVM] {
                let open = pool.bench.directory.readableRuns
                return try await Listing(points: pool.points, zfs: pool.pool.command, openRuns: open).machines(on: nil)
            }
            let machines = try await found()
            #expect(machines.map(\.vm) == ["web01", "db"])
            #expect(machines.map(\.snapshot) == ["tank/VM@daily", "tank/VM/db@daily"])
            #expect(machines[0].reason == "agent-silent" && machines[0].notes.contains("quiesce: no answer"))
            #expect(
                machines.allSatisfy { $0.run == run.id.text && $0.notes.contains { $0.hasPrefix("its run is open") } })
            run.existing = [FakePool.guid(of: "tank/VM@daily")]
            try pool.bench.directory.write(run)
            #expect(try await found().map(\.vm) == ["db"])
            #expect(await pool.operating.show("tank/VM/db@daily", json: false) == .done)
        }
    }

    @Test(
        "asks zfs as often for a thousand snapshots as for one, and searches no list for each", .timeLimit(.minutes(2)))
    func many() async throws {
        try await withPool { pool async throws in
            try pool.pool.add("tank/VM@first")
            _ = try await listing(pool).machines(on: nil)
            let once = try pool.pool.calls().count
            let guids = (0..<20_000).map { "\(10_000_000 + $0)" }
            let lines = guids.enumerated().map { "tank/VM@s\($0)\tguid\t\($1)\n" }
            try pool.scratch.write("table", try text(pool.scratch, "table") + lines.prefix(1000).joined())
            _ = try await listing(pool).machines(on: nil)
            #expect(try pool.pool.calls().count == 2 * once)

            // One run of 1,000 VMs, and 20,000 of one: a search of all for each would take minutes.
            let many = (0..<1000).map { try? keptMachine("vm\($0)", .quiesced) }.compactMap(\.self)
            try pool.keep(many, in: ["tank/VM@first"])
            let directory = pool.bench.directory
            for (place, guid) in guids.enumerated() {
                let digits = String(place, radix: 16)
                let run = try #require(
                    RunID("20261121T120000Z-" + String(repeating: "0", count: 6 - digits.count) + digits))
                let name = try SnapshotName("tank/VM@s\(place)")
                let point = RestorePoint(
                    run: run, manager: "sanoid", snapshots: [RestorePointSnapshot(name: name, guid: guid)],
                    machines: [try keptMachine("vm1", .quiesced)])
                // Not `write`, which brings each to the disk.
                try pool.scratch.write("state/restore-points/\(run).json", StateFile.text(point), mode: 0o600)
            }
            let points = RestorePoints(Catalogue(directory), coldStorage: nil)
            #expect(points.problems.isEmpty && points.points.count == 20_001)
            let snapshots =
                [ListedSnapshot(name: try SnapshotName("tank/VM@first"), guid: FakePool.guid(of: "tank/VM@first"))]
                + (try guids.enumerated().map { ListedSnapshot(name: try SnapshotName("tank/VM@s\($0)"), guid: $1) })
            let listed = Listing(points: points, zfs: pool.pool.command).machines(of: snapshots)
            #expect(ListedVM.table(listed).rows.count == 21_000)
        }
    }

    @Test("writes a list's JSON in parts as it is written at once", arguments: [0, 1, 2, 2000])
    func json(count: Int) throws {
        let machines = (0..<count).map {
            listed("vm\($0)\n\"{}", "crash", reason: "no-room", ram: ram(7, "ram_dir"), notes: ["a\nb", "]"])
        }
        var parts: [String] = []
        try forEachPart(ofJSON: machines) { parts.append($0) }
        #expect(parts.joined() == String(decoding: try StateFile.text(machines), as: UTF8.self) + "\n")
        #expect(count < 2000 || parts.count > 5)
    }

    @Test("sums up what a recursive snapshot holds, each VM once, with the least that it got")
    func summary() async throws {
        try await withPool { pool async throws in
            let run = PoolBench.run.text
            for (name, machines) in [
                ("tank@daily", nil), ("tank/VM@daily", "both=quiesced,web=quiesced"),
                ("tank/VM/db@daily", "both=crash"),
                ("tank/VM@hourly", "web=crash"), ("tank/other@daily", "idle=off"),
            ] {
                let vms = machines.map { [SnapshotProperties.machinesKey: $0, SnapshotProperties.runKey: run] } ?? [:]
                try pool.pool.add(name, vms)
            }
            let listing = listing(pool)
            let name = try SnapshotName("tank@daily")
            #expect(try await listing.machines(in: name).isEmpty)
            let below = try await listing.machines(below: name)
            let lines = ListedVM.summary(of: below, in: name).split(separator: "\n")
            #expect(
                lines == [
                    "tank@daily and below: crash (1 crash, 1 off, 1 quiesced), in 3 snapshots", "both: crash",
                    "    in: tank/VM/db@daily, tank/VM@daily", "idle: off", "    in: tank/other@daily",
                    "web: quiesced", "    in: tank/VM@daily",
                ])
            #expect(
                ListedVM.absence(from: name, below: below)
                    == "no VM has a disk on tank itself; VMs with disks below it: both, idle, web. See them with: "
                    + "stillpoint show -r tank@daily\n")
            #expect(await pool.operating.show("tank@daily", recursive: true, json: false) == .done)
        }
    }

    @Test("says what it cannot read of past runs and of cold storage")
    func unreadable() async throws {
        try await withPool { pool async throws in
            try pool.pool.add("tank/VM@daily", [SnapshotProperties.machinesKey: "web=off"])
            #expect(await pool.operating.list(nil, json: false) == .done)
            #expect(pool.log.lines.isEmpty)
            // Root may read every folder, but follows no link to itself.
            pool.scratch.remove("cold")
            for folder in ["state/restore-points", "cold"] {
                try pool.scratch.link(folder, to: FileAccess.lastComponent(folder))
            }
            #expect(await pool.operating.list(nil, json: false) == .done)
            #expect(pool.log.lines.count { $0.hasPrefix("warning: ") && $0.contains("cannot be read") } == 2)
            #expect(pool.log.text.contains("\(pool.scratch.path)/cold of cold_storage cannot be read"))
        }
    }

    @Test("says of a snapshot without any VM that it has none", arguments: [true, false])
    func nothing(recursive: Bool) throws {
        let name = try SnapshotName("tank/quiet@daily")
        let text =
            recursive
            ? ListedVM.summary(of: [], in: name) : ListedVM.absence(from: name, below: [])
        #expect(text.hasSuffix("was taken without Stillpoint, or holds no VM\n"))
    }

    @Test(
        "reads from a run's id when it began",
        arguments: [
            ("19700101T000001Z-000000", 1), ("20261121T110000Z-1f3c9a", 1_795_258_800), ("", nil), ("20261121", nil),
            ("2026112xT110000Z-1f3c9a", nil), ("20261121-110000Z-1f3c9a", nil),
        ] as [(String, Int64?)])
    func age(run: String, expected: Int64?) {
        #expect(runTime(run) == expected)
    }

    @Test(
        "ends with exit code 2 for what is not there",
        arguments: [
            ("list", "tank/nowhere"), ("list", "tank//VM"), ("show", "tank/VM@nowhere"), ("show", "tank/VM"),
            ("show", "nowhere@daily"),
        ])
    func unknown(command: String, name: String) async throws {
        try await withPool { pool async throws in
            let operating = pool.operating
            let code =
                command == "list" ? await operating.list(name, json: false) : await operating.show(name, json: false)
            #expect(code == .usage)
            #expect(pool.log.lines.count { $0.hasPrefix("error: ") } == 1)
        }
    }

    @Test("ends with exit code 1 where zfs fails, and 0 where all is well", arguments: [true, false], [true, false])
    func exitCode(fails: Bool, json: Bool) async throws {
        try await withPool { pool async throws in
            try pool.pool.add("tank/VM@daily", [SnapshotProperties.machinesKey: "web=off"])
            if fails { try pool.pool.fail("^get") }
            let expected = fails ? ExitCode.failed : .done
            #expect(await pool.operating.list("tank/VM", json: json) == expected)
            #expect(await pool.operating.show("tank/VM@daily", json: json) == expected)
        }
    }
}
