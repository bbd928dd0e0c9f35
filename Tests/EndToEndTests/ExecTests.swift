import Glibc
import Testing

extension RealParts {
    @Suite("A program of the administrator's own, exec:PATH")
    struct ExecTests {
        /// Writes down whether the application stands still, as the file `frozen`.
        private static func program(_ lab: Lab, freeze: String = "touch frozen") -> String {
            """
            cat >\(lab.folder)/app <<'END'
            #!/bin/sh
            cd \(lab.folder)
            case $1 in
            freeze) \(freeze); echo '{"version":1,"consistency":"quiesced","state":"x"}' ;;
            *) rm -f frozen; echo '{"version":1}' ;;
            esac
            END
            chmod 755 \(lab.folder)/app
            """
        }

        @Test("A guest that the example freezes by virsh is quiesced in the snapshot, and writes on after it")
        func example() async throws {
            let lab = try #require(Lab.here)
            let path = "\(lab.folder)/virsh-domfsfreeze"
            try await need("install -m 0755 examples/exec/virsh-domfsfreeze \(path)")
            let guest = Stage.Guest(name: "app")
            try await Stage.with(
                "exec", [guest], configuration: "strategy = exec:\(path), crash-consistent\nfreeze_limit = 30"
            ) { stage in
                let pre = try await shell("\(stage.lab.preSnapshot) \(stage.dataset)@a")
                #expect(pre.status == 0 && !pre.errors.contains("crash"), "\(pre.errors)")
                #expect(
                    try await need("virsh qemu-agent-command app '{\"execute\":\"guest-fsfreeze-status\"}'").contains(
                        "frozen"))
                let post = try await shell(
                    "zfs snapshot \(stage.dataset)@a; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.status == 0, "\(post.errors)")
                #expect(try await stage.property("consistency", of: "\(stage.dataset)@a") == "quiesced")
                try await stage.expectWrites(by: guest, on: "vda", within: 5)
                // The guest thaws by somebody else's hand: the program sees it, and the claim is lowered.
                let thawed = try await shell(
                    """
                    s=\(stage.dataset)@b; \(stage.lab.preSnapshot) $s; virsh domfsthaw app >/dev/null; zfs snapshot $s
                    \(stage.lab.postSnapshot) $s
                    """)
                #expect(thawed.errors.contains("the guest had thawed before it was told to"), "\(thawed.errors)")
                #expect(try await stage.property("consistency", of: "\(stage.dataset)@b") == "crash")
                try await stage.expectNothingLeft()
            }
        }

        @Test("An application that no hypervisor knows is frozen by its program, without libvirt")
        func application() async throws {
            let lab = try #require(Lab.here)
            try await need(Self.program(lab))
            let dataset = "\(lab.pool)/execapp"
            let configuration = """
                [hypervisor apps]
                kind = exec
                vm = db=\(dataset)
                vm = other=\(lab.pool)/elsewhere
                [vm db]
                strategy = exec:\(lab.folder)/app
                """
            try await Stage.with("execapp", [], configuration: configuration) { stage in
                let snapshot = "\(dataset)@a"
                try await need(
                    "\(stage.lab.preSnapshot) \(snapshot); test -e \(lab.folder)/frozen; zfs snapshot \(snapshot)")
                let post = try await shell("\(stage.lab.postSnapshot) \(snapshot); ls \(lab.folder)/frozen")
                #expect(post.status != 0 && post.output.isEmpty, "\(post.errors)")
                #expect(try await stage.property("vms", of: snapshot) == "db=quiesced")
                #expect(try await need("ls \(stage.lab.runs) | grep json || true").isEmpty)
                #expect(try await need("\(stage.stillpoint) list \(dataset)").contains("quiesced"))
                let restore = try await shell("\(stage.stillpoint) restore \(snapshot) --vm db --in-place")
                #expect(restore.status != 0 && restore.errors.contains("db"), "\(restore.status) \(restore.errors)")
            }
        }

        @Test("A program that hangs costs no more than the manager's deadline, and leaves nothing")
        func hangs() async throws {
            let lab = try #require(Lab.here)
            try await need(Self.program(lab, freeze: "touch frozen; (trap '' TERM; sleep 97) & sleep 98"))
            let guest = Stage.Guest(name: "app")
            let list = "strategy = exec:\(lab.folder)/app, quiesce"
            try await Stage.with("exechang", [guest], configuration: list) { stage in
                let pre = try await shell("time \(stage.lab.preSnapshot) --deadline 8 \(stage.dataset)@a")
                #expect(pre.status == 0, "\(pre.errors)")
                #expect((3...7).contains { pre.errors.contains("real\t0m\($0).") }, "\(pre.errors)")
                #expect(
                    try await need("pgrep -fx 'sleep 9[78]' || true; ls \(lab.folder)/frozen 2>/dev/null || true")
                        .isEmpty)
                try await need("zfs snapshot \(stage.dataset)@a; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(try await stage.property("consistency", of: "\(stage.dataset)@a") == "quiesced")
                try await stage.expectNothingLeft()
            }
        }

        @Test(
            "kill -9 at every durable step, and while the program runs: recover releases, and nothing freezes later",
            .enabled(if: Lab.here?.debugBinaries != nil, "needs debug binaries: run 'make test'"))
        func killed() async throws {
            let lab = try #require(Lab.here)
            let debug = try #require(lab.debugBinaries)
            try await need(Self.program(lab))
            let guest = Stage.Guest(name: "app")
            let list = "strategy = exec:\(lab.folder)/app, crash-consistent"
            try await Stage.with("execkill", [guest], configuration: list) { stage in
                let snapshot = "\(stage.dataset)@$N"
                let noWatchdog = "pkill -9 -f '^stillpoint-watchdog' || true; sleep 0.05"
                let rows = [
                    ("true", "STILLPOINT_KILL_AT=KILL \(debug)/pre-snapshot \(snapshot)"),
                    (
                        "\(stage.lab.preSnapshot) \(snapshot) && zfs snapshot \(snapshot) && { \(noWatchdog); }",
                        "STILLPOINT_KILL_AT=KILL \(debug)/post-snapshot \(snapshot)"
                    ),
                    (
                        "\(stage.lab.preSnapshot) \(snapshot) && { \(noWatchdog); }",
                        "STILLPOINT_KILL_AT=KILL \(debug)/stillpoint recover"
                    ),
                ]
                var number = 0
                for (prepare, call) in rows {
                    for step in 1...100 {
                        number += 1
                        let outcome = try await shell(
                            "N=\(number)\n\(prepare)\n\(call.replacing("KILL_AT=KILL", with: "KILL_AT=\(step)"))")
                        try await need(noWatchdog)
                        let recovered = try await shell("\(stage.stillpoint) recover")
                        #expect(recovered.status == 0, "\(call), step \(step): \(outcome.errors)\(recovered.errors)")
                        #expect(
                            try await need("ls \(lab.folder)/frozen 2>/dev/null || true").isEmpty,
                            "\(call), step \(step)")
                        guard outcome.status == 137 else {
                            #expect(step > 1, "\(call) was never killed: \(outcome.errors)")
                            break
                        }
                    }
                }
                // The program outlives the hook, and would freeze when nobody knows of it any more.
                try await need(Self.program(lab, freeze: "sleep 2; touch frozen"))
                let left = try await shell(
                    """
                    \(stage.lab.preSnapshot) \(stage.dataset)@late & sleep 1; kill -9 $!; \(noWatchdog)
                    pgrep -f '\(lab.folder)/app freeze'
                    \(stage.stillpoint) recover || exit; sleep 2; ! ls \(lab.folder)/frozen
                    """)
                #expect(left.status == 0 && !left.output.isEmpty, "\(left.output)\(left.errors)")
                try await stage.expectNothingLeft()
            }
        }
    }
}
