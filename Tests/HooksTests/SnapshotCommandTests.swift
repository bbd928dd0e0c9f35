import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine
@testable import Hooks
@testable import RunState

@Suite("stillpoint snapshot")
struct SnapshotCommandTests {
    /// Has freeze and release leave a line among the calls of zfs.
    private func note(_ bench: HookBench) {
        let path = bench.scratch.path
        @Sendable func add(_ line: String) {
            guard let file = fopen(path + "/calls", "ae") else { return }
            fputs(line + "\n", file)
            fclose(file)
        }
        bench.world.change { behaviour in
            let (freeze, release) = (behaviour.freeze, behaviour.release)
            behaviour.freeze = { request, record in
                defer { add("FROZEN") }
                return try await freeze(request, record)
            }
            behaviour.release = { request, record in
                add("RELEASE")
                try await release(request, record)
            }
        }
    }

    @Test("freezes, takes the snapshot by one call of zfs, releases, and says what each VM got")
    func cycle() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.machine("db", host.disk("vda", "tank/VM/db/a.raw")))
            note(bench)
            #expect(await bench.take() == .done)
            #expect(bench.world.calls == ["list", "freeze web01", "release id-of-web01"])
            let calls = try bench.zfs.calls()
            let frozen = try #require(calls.firstIndex(of: "FROZEN"))
            #expect(calls[frozen + 1] == "snapshot tank/VM@before")
            #expect(calls.count { $0.hasPrefix("snapshot") } == 1)
            #expect(try bench.zfs.stored().contains("tank/VM@before stillpoint:vms=web01=quiesced"))
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.log.lines.contains { $0.hasPrefix("info: web01: quiesced") })
            #expect(bench.log.lines.last == "info: taken: tank/VM@before")
        }
    }

    @Test("takes several datasets, under names of their own, at once")
    func several() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.machine("db", host.disk("vda", "tank/VM/db/a.raw")))
            note(bench)
            #expect(await bench.take(["tank/VM@a", "tank/VM/db@b", "tank/VM@a"]) == .done)
            #expect(try bench.zfs.calls().filter { $0.hasPrefix("snapshot") } == ["snapshot tank/VM@a tank/VM/db@b"])
            let stored = try bench.zfs.stored()
            #expect(stored.contains("tank/VM@a stillpoint:vms=web01=quiesced"))
            #expect(stored.contains("tank/VM/db@b stillpoint:vms=db=quiesced"))
        }
    }

    @Test(
        "knows whether it takes the datasets below along, whatever the configuration says of recursion",
        arguments: ["yes", "no", "auto"])
    func recursion(word: String) async throws {
        for isRecursive in [true, false] {
            try await withBench(sections: "[tank/VM]\nrecursive = \(word)") { bench, host async throws in
                bench.has(host.web(), host.machine("db", host.disk("vda", "tank/VM/db/a.raw")))
                #expect(await bench.take(isRecursive: isRecursive) == .done)
                #expect(bench.world.count("freeze") == (isRecursive ? 2 : 1))
                let stored = try bench.zfs.stored()
                #expect(stored.contains("tank/VM/db@before stillpoint:vms=db=quiesced") == isRecursive)
            }
        }
    }

    @Test(
        "is refused before anything is touched",
        arguments: [
            (["tank/VM"], false, "write DATASET@NAME"), (["tank/VM@"], false, "empty"),
            (["tank/VM", "daily-2026-11-29-0117"], false, "write DATASET@NAME"),
            (["tank/VM@a", "rpool/x@a"], false, "these are of rpool, tank: call stillpoint snapshot for each pool"),
            (["tank/VM@a", "tank/VM@b"], false, "two snapshots of one instant"),
            (["tank/VM@a", "tank/VM/db@b"], true, "two snapshots of one instant"),
            (["tank/MV@a", "tank/VM@a", "tank/WM@a"], false, "no such dataset: tank/MV, tank/WM; 'zfs list'"),
            (["tank/VM@daily"], false, "there already: tank/VM@daily; choose another name"),
            (["tank/VM@nightly"], true, "there already: tank/VM/db@nightly; choose another name"),
        ] as [([String], Bool, String)])
    func refused(names: [String], isRecursive: Bool, said: String) async throws {
        for isDryRun in [true, false] {
            try await withBench { bench, host async throws in
                bench.has(host.web())
                let existing = ["tank/VM", "tank/VM@daily", "tank/VM/db", "tank/VM/db@nightly"]
                try bench.scratch.write("existing", existing.map { $0 + "\n" }.joined())
                #expect(await bench.take(names, isRecursive: isRecursive, isDryRun: isDryRun) == .usage)
                #expect(bench.world.calls.isEmpty && access(bench.statePath, F_OK) != 0)
                #expect(bench.log.text.contains(said), "\(bench.log.text)")
                #expect(try !bench.zfs.calls().contains { $0.hasPrefix("snapshot") })
            }
        }
    }

    @Test("takes a nested dataset once where -r takes it along")
    func nested() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.take(["tank/VM/db@a", "tank/VM@a"], isRecursive: true) == .done)
            #expect(try bench.zfs.calls().contains("snapshot -r tank/VM@a"))
        }
    }

    @Test(
        "releases the VMs where zfs takes none, and says why and what to do",
        arguments: [
            ("cannot create snapshot 'tank/VM@before': dataset already exists", "choose another name"),
            ("cannot create snapshot 'tank/VM@before': out of space", "make room, or raise what bounds it"),
            ("cannot open 'tank/VM': dataset does not exist", "'zfs list' shows"),
            ("cannot create snapshots : permission denied", "run this as root"),
            ("cannot create snapshot 'tank/VM@before': dataset is busy", "something else works on the dataset"),
            ("cannot create snapshot 'tank/VM@before': pool I/O is currently suspended", "'zpool status -x'"),
            ("something new", "read what it said"),
        ])
    func refusedByZFS(refusal: String, fix: String) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try bench.scratch.write("refusal", refusal + "\nno snapshots were created\n")
            #expect(await bench.take() == .failed)
            #expect(bench.world.count("release") == 1)
            #expect(try bench.openRuns().isEmpty && bench.zfs.stored().isEmpty)
            let line = "error: zfs took no snapshot; \(fix)"
            #expect(bench.log.lines.contains { $0.hasPrefix(line) && $0.contains(refusal) }, "\(bench.log.text)")
            #expect(!bench.log.text.contains("quiesced"))
        }
    }

    @Test("claims nothing of a snapshot that a zfs which hung takes after all, when the VMs write again")
    func tooLate() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try bench.scratch.write("delay", "30")
            try bench.scratch.write("creation", "\(time(nil) + 100)")
            #expect(await bench.take(zfsTimeout: .seconds(4)) == .failed)
            #expect(bench.log.text.contains("zfs did not end within 4 s"))
            #expect(bench.world.count("release") == 1)
            #expect(try !bench.zfs.stored().contains { $0.contains("quiesced") })
        }
    }

    @Test("that is asked to end releases what it froze and takes no snapshot")
    func interrupted() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let interruption = Interruption()
            let freeze = bench.world.behaviour.freeze
            bench.world.change { behaviour in
                behaviour.freeze = { request, record in
                    interruption.ask()
                    return try await freeze(request, record)
                }
            }
            #expect(await bench.take(interruption: interruption) == .failed)
            #expect(bench.world.calls == ["list", "freeze web01", "release id-of-web01"])
            #expect(try !bench.zfs.calls().contains { $0.hasPrefix("snapshot") })
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.log.text.contains("asked to end: no snapshot is taken"))
            // Before anything is frozen.
            #expect(await bench.take(["tank/VM@b"], interruption: interruption) == .failed)
            #expect(bench.world.count("freeze") == 1)
        }
    }

    @Test("takes none where a VM did not get what it should and on_failure = abort")
    func abort() async throws {
        try await withBench(general: "strategy = quiesce\non_failure = abort") { bench, host async throws in
            bench.has(host.web(), host.web("web02"))
            let freeze = bench.world.behaviour.freeze
            bench.world.change { behaviour in
                behaviour.freeze = { request, record in
                    guard request.machine.name == "web01" else { throw refusal(.fallBack) }
                    return try await freeze(request, record)
                }
            }
            #expect(await bench.take() == .failed)
            #expect(bench.world.count("release") == 1)
            #expect(try !bench.zfs.calls().contains { $0.hasPrefix("snapshot") } && bench.openRuns().isEmpty)
        }
    }

    @Test("says what it would do and does nothing")
    func dryRun() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.take(isRecursive: true, isDryRun: true) == .done)
            #expect(bench.world.calls == ["list"] && access(bench.statePath, F_OK) != 0)
            #expect(bench.log.text.contains("would freeze web01 (vda): quiesce, else crash-consistent"))
            #expect(bench.log.lines.last == "info: would run: zfs snapshot -r tank/VM@before")
        }
    }

    @Test("takes a plain snapshot where no VM is concerned, and says where VMs are", arguments: [true, false])
    func noMachine(areBelow: Bool) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.machine("db", host.disk("vda", areBelow ? "tank/VM/db/a.raw" : "tank/other/a.raw")))
            #expect(await bench.take() == .done)
            #expect(try bench.zfs.calls().contains("snapshot tank/VM@before"))
            #expect(bench.world.count("freeze") == 0 && access(bench.statePath, F_OK) != 0)
            #expect(bench.log.text.contains("stillpoint snapshot -r tank/VM@before") == areBelow)
        }
    }

    @Test(
        "says in one line why no VM was frozen",
        arguments: [
            ("", "none that is known and not ignored has a disk on tank/VM", false),
            ("[tank/VM]\nstrategy = ignore", "the configuration ignores all of them", false),
            ("[vm *]\nstrategy = ignore", "none that is known and not ignored", true),
        ])
    func noneFrozen(sections: String, reason: String, isThere: Bool) async throws {
        for isDryRun in [true, false] {
            try await withBench(sections: sections) { bench, host async throws in
                if isThere { bench.has(host.web()) }
                #expect(await bench.take(isDryRun: isDryRun) == .done)
                let said = bench.log.lines.filter {
                    $0.hasPrefix("info: no VM \(isDryRun ? "would be" : "was") frozen: ")
                }
                #expect(said.count == 1 && said[0].contains(reason), "\(bench.log.text)")
            }
        }
    }

    @Test("says that no hypervisor is enabled")
    func noHypervisor() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try bench.reconfigure { text in
                "[hypervisor local]\nenabled = no" + text.dropFirst("[hypervisor local]".count)
            }
            #expect(await bench.take() == .done)
            #expect(bench.log.text.contains("no VM was frozen: no hypervisor is enabled"))
        }
    }

    @Test("takes the snapshot's type from who calls, also against what its name says")
    func typed() async throws {
        let sections = "[type daily]\nstrategy = ignore\n[type upgrade]\nstrategy = crash-consistent"
        for (name, types, got) in [
            ("before", [], "quiesced"), ("before", ["daily"], nil), ("before", ["upgrade"], "crash:configured"),
            ("autosnap_2026-11-21_11:00:00_daily", ["other, upgrade"], "quiesced"),
            ("autosnap_2026-11-21_11:00:00_daily", [], nil),
        ] as [(String, [String], String?)] {
            try await withBench(sections: sections) { bench, host async throws in
                bench.has(host.web())
                #expect(await bench.take(["tank/VM@\(name)"], types: types) == .done)
                let stored = try bench.zfs.stored().first { $0.contains("stillpoint:vms=") }
                #expect(stored == got.map { "tank/VM@\(name) stillpoint:vms=web01=\($0)" })
            }
        }
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.take(types: ["no type"]) == .usage)
            #expect(bench.log.text.contains("--type 'no type' names no type of snapshot"))
            #expect(bench.world.calls.isEmpty)
        }
    }

    @Test("leaves a VM that cannot be released to its watchdog, and says so by its exit code")
    func unreleased() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.release = { _, _ in throw refusal(.stop) } }
            #expect(await bench.take() == .needsRecovery)
            #expect(try bench.onlyRecord().freezeState != nil)
            let runs = try bench.openRuns()
            #expect(runs.map(\.manager) == ["stillpoint snapshot"])
        }
    }

    @Test("needs no VM to be frozen: what falls back is crash-consistent in it")
    func fallBack() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.freeze = { _, _ in throw refusal(.fallBack) } }
            #expect(await bench.take() == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@before stillpoint:vms=web01=crash:freeze-failed"))
            #expect(bench.log.lines.count { $0.contains("web01: crash-consistent only") } == 1)
        }
    }
}
