import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Support
import TestSupport
import Testing
import ZFS

@testable import Configuration
@testable import Engine
@testable import Operator
@testable import RunState

@Suite("stillpoint check")
struct PreflightCheckTests {
    private func check(_ bench: HookBench) async throws -> (facts: [String], notes: [String], findings: [String]) {
        let context = bench.context()
        let configuration = try bench.configuration
        let report = try await PreflightCheck(
            configuration: configuration, context: context, hypervisors: Hypervisors(configuration, context),
            host: CheckedHost(root: bench.scratch.path + "/host")
        ).run()
        let notes = report.findings.filter { $0.severity == .note && $0.code != .nobodyTold }.map(\.summary)
        return (report.facts, notes, report.lines(.problem))
    }

    @Test("says which VMs it found, and no problem where there is none")
    func well() async throws {
        try await withBench(sections: "[tank/VM]\nstrategy = quiesce") { bench, host async throws in
            bench.has(host.web())
            let result = try await check(bench)
            #expect(result.facts == ["local: 1 VMs", "tank/VM: 1 VM: web01"])
            #expect(result.findings == [])
            #expect(await bench.operating.check() == .done)
        }
    }

    @Test("of a configuration that is refused says so with its place")
    func refused() async throws {
        try await withBench(general: "frezee_timeout = 5") { bench, _ async throws in
            #expect(await bench.operating.check() == .usage)
            #expect(bench.log.lines.isEmpty)
            let error = try #require(#expect(throws: ConfigurationError.self) { try bench.configuration })
            let report = CheckReport(of: error)
            #expect(report.findings.map(\.code.rawValue) == ["SP111"] && report.hasProblem)
            #expect(report.text.contains("stillpoint.conf:") && report.text.contains("did you mean 'freeze_timeout'?"))
        }
    }

    @Test("finds a section without a VM or without a dataset, and what a back end finds amiss")
    func amiss() async throws {
        let sections = """
            [tank/VM/db]
            [tank/gone]
            [hypervisor vc]
            kind = vsphere
            url = https://SCRATCH/nothing
            username = stillpoint
            """
        try await withBench(sections: sections) { bench, host async throws in
            bench.has(host.web())
            let result = try await check(bench)
            #expect(result.facts == ["local: 1 VMs", "vc: 0 VMs"])
            try #require(result.findings.count == 3)
            #expect(result.findings[0] == "vc: the datastore nfs-old is on no dataset")
            #expect(result.findings[1].hasPrefix("[tank/VM/db] holds no disk of a VM"))
            #expect(result.findings[2].hasPrefix("[tank/gone] does not exist; fix: "))
            #expect(await bench.operating.check() == .failed)
        }
    }

    @Test(
        "asks for no overlay_dir where no VM is to get an overlay",
        arguments: [("freeze, crash-consistent", false), ("pause", false), ("freeze, quiesce", true), ("memory", true)])
    func needlessOverlays(strategies: String, isNeeded: Bool) async throws {
        try await withCheckedBench(sections: "[tank/VM]\nstrategy = \(strategies)") { bench async throws in
            try bench.mountTmpfs("overlays")
            #expect(rmdir(bench.scratch.path + "/overlays") == 0)
            let found = try await bench.report().findings.filter {
                [.folderUnusable, .folderVolatile].contains($0.code)
            }
            #expect(found.isEmpty != isNeeded, "\(found.map(\.line))")
        }
    }

    @Test(
        "counts what a VM on several datasets writes where they have their room in common, and once",
        arguments: [(3 << 20, 700_000, false), (1 << 19, 700_000, true), (1 << 19, 3 << 20, true)])
    func roomInCommon(shared: Int, below: Int, isLacking: Bool) async throws {
        try await withCheckedBench { bench async throws in
            let host = bench.pool.host
            bench.bench.has(
                host.machine("web01", host.disk("vda", "tank/VM/a.raw"), host.disk("vdb", "tank/VM/db/b.raw")))
            try bench.wrote(1 << 20)
            try bench.pool.pool.add("tank/VM", ["available": "\(shared)"])
            try bench.pool.pool.add("tank/VM/db", ["available": "\(below)"])
            let found = try await bench.report().findings.filter { $0.code == .commitRoomLacking }
            #expect(found.count == (isLacking ? 1 : 0), "\(found.map(\.line))")
            #expect(found.allSatisfy { $0.what.hasPrefix("tank/VM has room for ") }, "\(found.map(\.line))")
        }
    }

    @Test("asks for the room of no VM that gets no overlay any more, and of the datasets that are there")
    func roomOfOthers() async throws {
        try await withCheckedBench(sections: "[tank/VM]\nstrategy = freeze") { bench async throws in
            try bench.wrote(1 << 20)
            try bench.pool.pool.add("tank/VM", ["available": "1000"])
            #expect(try await bench.report().findings.allSatisfy { $0.code != .commitRoomLacking })
        }
        try await withCheckedBench { bench async throws in
            try bench.pool.pool.add("tank/VM", ["available": "1000"])
            let zfs = ZFSCommand(executable: bench.scratch.path + "/bin/zfs")
            let gone = try DatasetName("tank/gone")
            #expect(try await zfs.space(of: [DatasetName("tank/VM"), gone]).map(\.available) == [1000])
            await #expect(throws: ZFSError.self) { try await zfs.space(of: [gone]) }
        }
    }

    @Test("says of a RAM dump that is gone how it comes that nothing names it any more")
    func lostDump() async throws {
        try await withCheckedBench { bench async throws in
            unlink(try bench.dump().path)
            let found = try #require(try await bench.report().findings.first { $0.code == .dumpMissing })
            #expect(found.fix?.has("destroy the snapshot") == true, "\(found.line)")
        }
    }

    @Test(
        "finds a file without which no mail can be sent: it is not there, or others can read it",
        arguments: ["smtp_username = a\nsmtp_password_file", "smtp_ca_file"], [0o600, 0o666, nil] as [mode_t?])
    func mailFiles(key: String, mode: mode_t?) async throws {
        let general = "mail_to = a@example.com\nsmtp_url = smtps://mail.example.com\n\(key) = SCRATCH/file"
        try await withCheckedBench(general: general) { bench async throws in
            if let mode { try bench.scratch.write("file", "text", mode: UInt32(mode)) }
            let found = try await bench.report().findings
            #expect(found.map(\.code) == (mode == 0o600 ? [] : [.mailUnsendable]), "\(found.map(\.line))")
        }
    }

    @Test("finds a metrics_file to which no metrics would be written, since its folder is behind another user's link")
    func foreignLink() async throws {
        try await withCheckedBench(general: "metrics_file = SCRATCH/theirs/prom/stillpoint.prom") {
            bench async throws in
            try bench.scratch.folder("elsewhere")
            try bench.scratch.folder("theirs")
            try bench.scratch.link("theirs/prom", to: bench.scratch.path + "/elsewhere")
            try bench.scratch.giveAway("theirs")
            try bench.scratch.giveAway("theirs/prom")
            let found = try await bench.report().findings
            #expect(found.map(\.code) == [.metricsFileUnusable], "\(found.map(\.line))")
        }
    }

    @Test("finds an overlay_dir on what is snapshotted with all below it, as pre-snapshot and its dry run refuse it")
    func overlaysInTree() async throws {
        let general = "overlay_dir = SCRATCH/tank/VM"
        try await withBench(general: general, sections: "[tank/VM]\nrecursive = yes") { bench, host async throws in
            bench.has(host.machine("db", host.disk("vda", "tank/VM/db/db.raw")))
            let findings = try await check(bench).findings
            #expect(
                findings.contains { $0.has("overlay_dir") && $0.has("lies on tank/VM, which is snapshotted") })
            for options in [[], ["--dry-run"]] {
                #expect(await bench.run(.pre, options + ["tank/VM@daily"]) == .usage)
            }
            #expect(bench.world.count("freeze") == 0)
        }
    }

    @Test("finds a sanoid.conf that a hook under sanoid would refuse")
    func sanoid() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(try await check(bench).findings.isEmpty)
            try bench.scratch.write("sanoid/sanoid.conf", "[tank/VM]\n", mode: 0o666)
            let findings = try await check(bench).findings
            #expect(findings.count == 1 && findings[0].has("sanoid.conf"), "\(findings)")
            #expect(findings[0].has("; fix: "), "\(findings)")
            let variables = ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "daily", "SANOID_SCRIPT": "pre"]
            #expect(await bench.run(.pre, [], environment: variables) == .usage)
        }
    }

    @Test("finds a hypervisor that does not answer, folders that are not there, and a run that was left open")
    func unusable() async throws {
        try await withBench(general: "cold_storage = SCRATCH/missing") { bench, host async throws in
            bench.world.change { $0.list = { throw refusal(.retry, "nobody answers") } }
            try bench.directory.prepare()
            try bench.directory.write(makeRun(PoolBench.run, machines: [makeRecord("web01")]))
            let findings = try await check(bench).findings
            #expect(findings.contains("local: nobody answers"))
            #expect(
                findings.contains {
                    $0.has("cold_storage")
                        && $0.has("is not there; fix: mount what it is on; only where it is no mount: install -d ")
                })
            #expect(findings.contains { $0.has(PoolBench.run.text) && $0.hasSuffix("; fix: stillpoint recover") })
        }
    }

    @Test("says how to reach a hypervisor that cannot be reached")
    func unreachable() async throws {
        try await withBench { bench, host async throws in
            let error = HypervisorError(
                .unreachable, "libvirt (no socket; none) is not there; start it", remedy: .retry)
            bench.world.change { $0.list = { throw error } }
            let findings = try await check(bench).findings
            #expect(findings.contains("local: libvirt (no socket; none) is not there; fix: start it"))
        }
    }

    @Test(
        "finds sections that never count",
        arguments: [
            ("[vm web*]\nstrategy = quiesce", nil), ("[vm Shop]\nstrategy = quiesce", nil),
            ("[vm wbe01]", "[vm wbe01] matches no VM; fix: did you mean 'web01'?"),
            ("[vm uue*]", nil), ("[vm x]", "[vm x] matches no VM; fix: correct or remove the section"),
            ("[vm Shut]", "[vm Shut] matches no VM; fix: correct or remove the section"),
            ("[vm Shpo]", "[vm Shpo] matches no VM; fix: did you mean 'Shop'?"),
            ("[vm mailserver]", "[vm mailserver] matches no VM; fix: correct or remove the section"),
            (
                "[vm uuid:c0ffee00-0000-4000-8000-000000000009]",
                "[vm uuid:c0ffee00000040008000000000000009] matches no VM; fix: correct or remove the section"
            ),
            (
                "[vm *]\n[vm web*]\nstrategy = quiesce",
                "[vm web*] never counts, since [vm *] above it matches the same VMs; fix: move it up"
            ),
            ("[type daily]\n[type frequent]\n[type frequently]", nil),
            ("[type dayly]", "[type dayly] is of no snapshot's type; fix: did you mean [type daily]?"),
            ("[type Hourly]", "[type Hourly] is of no snapshot's type; fix: did you mean [type hourly]?"),
        ] as [(String, String?)])
    func rules(sections: String, finding: String?) async throws {
        try await withBench(sections: sections) { bench, host async throws in
            let web = host.web()
            bench.world.change {
                $0.list = {
                    [VirtualMachine(id: "1", name: web.name, title: "Shop", power: .running, disks: web.disks)]
                }
            }
            #expect(try await check(bench).findings == [finding].compactMap { $0 })
        }
    }

    @Test(
        "says that a pattern with wildcards matches no VM now, which is no problem",
        arguments: [
            ("ci-runner-*", "[vm ci-runner-*] matches no VM now"),
            ("wbe*", "[vm wbe*] matches no VM now; did you mean 'web01'?"),
            ("wev01?", "[vm wev01?] matches no VM now; did you mean 'web01'?"),
            ("[xy]", "[vm [xy]] matches no VM now"),
        ])
    func noneNow(pattern: String, note: String) async throws {
        try await withBench(sections: "[vm \(pattern)]\nstrategy = quiesce") { bench, host async throws in
            bench.has(host.web())
            let result = try await check(bench)
            #expect(result.notes == [note] && result.findings.isEmpty, "\(result)")
        }
    }

    @Test(
        "finds a run whose release has failed, which its watchdog has not ended, and names its VMs",
        arguments: [true, false])
    func endingRun(isReleasing: Bool) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try bench.directory.prepare()
            var record = try makeRecord("web01")
            record.freezeState = someHold
            var run = try makeRun(.make(), machines: [record])
            try bench.directory.write(run)
            let watchdog = try #require(try bench.directory.lock(watchdogOf: run.id))
            #expect(try await check(bench).findings.isEmpty)
            if isReleasing {
                run.phase = .releasing
            } else {
                run.earlyRelease = EarlyRelease(began: 1, reason: "max_hold")
            }
            try bench.directory.write(run)
            let line =
                "the run \(run.id) (web01) is open still, and its watchdog has not ended it; fix: stillpoint recover"
            #expect(try await check(bench).findings.contains(line))
            withExtendedLifetime(watchdog) {}
        }
    }

    @Test("takes a type of one's own for what it is: with a note, and with none once a snapshot of it was taken")
    func ownType() async throws {
        try await withPool(sections: "[type nightly]\nstrategy = quiesce\n[type hourly2]") { pool async throws in
            pool.bench.has(pool.host.web())
            let before = try await check(pool.bench)
            #expect(before.notes.contains { $0.hasPrefix("[type nightly] is neither") && $0.has("--type nightly") })
            #expect(before.findings.contains { $0.hasPrefix("[type hourly2] is of no") })
            for name in ["nas_nightly-2026-11-21-1100", "zfs-auto-snap_hourly2-2026-11-21-1100"] {
                try pool.keep([], in: ["tank/VM@\(name)"], run: .make(), hasGUIDs: false)
            }
            let after = try await check(pool.bench)
            #expect(!after.notes.contains { $0.has("[type") } && !after.findings.contains { $0.has("[type") })
        }
    }

    @Test("says that a hypervisor is not enabled; that none is, is a problem")
    func disabled() async throws {
        let section =
            "[hypervisor vc]\nkind = vsphere\nurl = https://SCRATCH/x\nusername = a\nenabled = no\n[vm other]\n[tank/VM/db]"
        try await withBench(sections: section) { bench, host async throws in
            bench.has(host.web())
            let result = try await check(bench)
            #expect(result.notes == ["[hypervisor vc] is not enabled: its VMs are not touched"])
            // A VM of that one may be meant.
            #expect(result.facts == ["local: 1 VMs"] && result.findings.isEmpty)
            try bench.reconfigure { text in
                "[hypervisor local]\nenabled = no" + text.dropFirst("[hypervisor local]".count)
            }
            let none = try await check(bench)
            #expect(
                none.findings == [
                    "no hypervisor is enabled, so no VM is touched; fix: enabled = yes in [hypervisor local] or [hypervisor vc]"
                ])
            #expect(bench.world.calls == ["list"])
        }
    }

    @Test("says how many VMs are on each dataset that sanoid snapshots, and names the first ten")
    func facts() async throws {
        try await withCheckedBench { bench async throws in
            let host = bench.pool.host
            let machines = (10...21).map { host.machine("vm\($0)", host.disk("vda", "tank/VM/\($0).raw")) }
            bench.pool.world.change { $0.list = { machines } }
            let names = (10...19).map { "vm\($0)" }.joined(separator: ", ")
            #expect(try await bench.report().facts == ["local: 12 VMs", "tank/VM: 12 VMs: \(names) and 2 more"])
        }
    }

    @Test(
        "warns of reports that wait for an hour, or more than ten, and of none that has been sent",
        arguments: [(1, true, false, true), (1, false, false, false), (11, false, false, true), (1, true, true, false)])
    func waiting(count: Int, isOld: Bool, isSent: Bool, isFound: Bool) async throws {
        try await withCheckedBench { bench async throws in
            let outbox = Outbox(bench.bench.directory)
            try bench.bench.directory.prepare()
            for _ in 0..<count {
                let run = isOld ? PoolBench.run : .make()
                var entry = OutboxEntry(.failed, run: run, manager: "sanoid", began: 1, ended: 2, datasets: [])
                entry.pending = isSent ? [] : ["mail"]
                #expect(try outbox.add(entry).isNew)
            }
            let found = try await bench.report().findings.filter { $0.code == .reportsWaiting }
            #expect(found.isEmpty != isFound && found.allSatisfy { $0.severity == .warning })
        }
    }

    @Test("plans for each type that has a section: a ram_dir that only one of them needs is checked")
    func typed() async throws {
        let sections = "[tank/VM]\nstrategy = ignore\n[type daily]\nstrategy = memory"
        try await withBench(general: "ram_dir = SCRATCH/none", sections: sections) { bench, host async throws in
            bench.has(host.web())
            let result = try await check(bench)
            #expect(result.facts.contains("tank/VM: 1 VM: web01"))
            #expect(result.findings.count == 1 && result.findings[0].hasPrefix("ram_dir "), "\(result.findings)")
        }
    }

    @Test("finds a VM with a disk that nobody finds, and one that will be no more than crash-consistent")
    func disks() async throws {
        try await withBench { bench, host async throws in
            let odd = Disk(
                target: "vda", chain: [host.scratch.path + "/tank/VM/odd.raw"], format: "raw", refusal: "vda is odd")
            let lost = VirtualMachine(
                id: "2", name: "lost", power: .off, disks: [], unresolved: ["vda has no pool"])
            bench.world.change { $0.list = { [host.machine("web02", odd), lost] } }
            let findings = try await check(bench).findings
            #expect(findings.contains("lost: vda has no pool"))
            #expect(findings.contains { $0.hasPrefix("web02 will be crash-consistent only: vda is odd; fix: ") })
        }
    }
}
