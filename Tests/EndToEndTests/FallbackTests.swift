import Testing

extension RealParts {
    @Suite("When a guest cannot be quiesced")
    struct FallbackTests {
        @Test("A guest whose freeze hook takes too long is crash-consistent, gets no overlay and is not left frozen")
        func slowHook() async throws {
            let guest = Stage.Guest(name: "slow", options: "--hook-delay 4")
            try await Stage.with("slow", [guest], configuration: "freeze_timeout = 2") { stage in
                let pre = try await shell("\(stage.lab.preSnapshot) \(stage.dataset)@a")
                #expect(pre.status == 0)
                #expect(
                    pre.errors.contains("crash-consistent only (quiesce: the guest did not freeze"), "\(pre.errors)")
                #expect(try await need("ls -A \(stage.lab.overlays)").isEmpty)
                let post = try await shell(
                    "zfs snapshot \(stage.dataset)@a; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.status == 0, "\(post.errors)")
                #expect(try await stage.property("consistency", of: "\(stage.dataset)@a") == "crash")
                // It writes on: nobody left it frozen.
                try await stage.expectWrites(by: guest, on: "vda", within: 5)
                try await stage.expectNothingLeft()
            }
        }

        @Test("A guest that freezes after pre gave up on it is thawed, also when post never comes")
        func lateFreeze() async throws {
            let guest = Stage.Guest(name: "late", options: "--hook-delay 6")
            try await Stage.with("late", [guest]) { stage in
                // The clock of whoever reads its output must not be held up by what pre leaves behind.
                let pre = try await shell("time (\(stage.lab.preSnapshot) --deadline 4 \(stage.dataset)@a 2>&1 | cat)")
                #expect(pre.output.contains("crash-consistent only"), "\(pre.output)")
                #expect((1...3).contains { pre.errors.contains("real\t0m\($0).") }, "\(pre.errors)")
                #expect(try await need("pgrep -fc '^stillpoint-watchdog'") == "1")
                try await Task.sleep(for: .seconds(8))
                try await stage.expectWrites(by: guest, on: "vda", within: 1)
                #expect(try await need("\(stage.lab.program) frozen late").isEmpty == false)
                // The watchdog leaves with the run.
                try await need(
                    "zfs snapshot \(stage.dataset)@a 2>/dev/null || true; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                try await need(
                    "for i in $(seq 50); do pgrep -f '^stillpoint-watchdog' || exit 0; sleep 0.1; done; exit 1")
            }
        }

        @Test("on_failure = abort undoes every guest and exits 1")
        func abort() async throws {
            let guests = [Stage.Guest(name: "good"), Stage.Guest(name: "mute", options: "--no-agent")]
            try await Stage.with("abort", guests, configuration: "strategy = quiesce\non_failure = abort") { stage in
                let pre = try await shell("\(stage.lab.preSnapshot) \(stage.dataset)@a")
                #expect(pre.status == 1, "\(pre.errors)")
                #expect(pre.errors.contains("on_failure = abort"))
                try await stage.expectNothingLeft()
                let post = try await shell(
                    "zfs snapshot \(stage.dataset)@a 2>/dev/null || true; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.status == 0)
                #expect(post.errors.isEmpty)
            }
        }

        @Test("A guest that is off is consistent as it is; one that is paused is crash-consistent")
        func offAndPaused() async throws {
            let guests = [Stage.Guest(name: "idle", options: "--no-start"), Stage.Guest(name: "held")]
            try await Stage.with("states", guests) { stage in
                try await need("virsh suspend held")
                try await need(
                    """
                    set -e; s=\(stage.dataset)@a
                    \(stage.lab.preSnapshot) $s; zfs snapshot $s; \(stage.lab.postSnapshot) $s
                    """)
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "held=crash:vm-paused,idle=off")
                try await stage.expectNothingLeft()
            }
        }

        @Test("A guest that is started between pre and post is not called off")
        func startedInBetween() async throws {
            let guests = [Stage.Guest(name: "early", options: "--no-start")]
            try await Stage.with("early", guests) { stage in
                try await need(
                    """
                    set -e; s=\(stage.dataset)@a
                    \(stage.lab.preSnapshot) $s; virsh -q start early; zfs snapshot $s; \(stage.lab.postSnapshot) $s
                    """)
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "early=crash:vm-changed")
            }
        }

        @Test("A run that holds nothing and whose post never came ends with the dataset's next one")
        func abandonedRun() async throws {
            try await Stage.with("abandoned", [Stage.Guest(name: "mute", options: "--no-agent")]) { stage in
                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@never")
                #expect(try await need("ls \(stage.lab.runs)/*.json").split(separator: "\n").count == 1)
                try await need(
                    """
                    set -e; s=\(stage.dataset)@a
                    \(stage.lab.preSnapshot) $s; zfs snapshot $s; \(stage.lab.postSnapshot) $s
                    """)
                try await stage.expectNothingLeft()
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "mute=crash:agent-missing")
            }
        }

        @Test("libvirtd restarted between pre and post: the guest ends up on its own disk")
        func restartedDaemon() async throws {
            try await Stage.with("restart", [Stage.Guest(name: "kept", disks: 2)]) { stage in
                try await need(
                    """
                    set -e; s=\(stage.dataset)@a
                    \(stage.lab.preSnapshot) $s; zfs snapshot $s
                    pid=$(pidof libvirtd); kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.05; done
                    libvirtd -d; until virsh -q list >/dev/null 2>&1; do sleep 0.05; done
                    \(stage.lab.postSnapshot) $s
                    """)
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "kept=quiesced")
                try await stage.expectNothingLeft()
                try await stage.expectConsistency(of: "\(stage.dataset)@a", quiesced: ["kept"])
            }
        }

        @Test("Two hooks at once freeze a guest once; both snapshots are taken")
        func atOnce() async throws {
            try await Stage.with("twice", [Stage.Guest(name: "once")]) { stage in
                let outcome = try await shell(
                    """
                    s=\(stage.dataset)
                    cycle() { \(stage.lab.preSnapshot) --deadline 20 $s@$1 && zfs snapshot $s@$1; \(stage.lab.postSnapshot) $s@$1; }
                    cycle a & one=$!; cycle b & two=$!
                    wait $one && wait $two
                    """)
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.errors.split(separator: "\n").filter { $0.contains("once: quiesced") }.count == 2)
                for name in ["a", "b"] {
                    try await stage.expectConsistency(of: "\(stage.dataset)@\(name)", quiesced: ["once"])
                }
                try await stage.expectNothingLeft()
            }
        }

        @Test("Only the disks on the snapshotted dataset are moved")
        func otherDataset() async throws {
            let guest = Stage.Guest(name: "both", disks: 2, options: "--no-start")
            try await Stage.with("part", [guest]) { stage in
                let elsewhere = "\(stage.lab.folder)/both vdb,1.raw"
                try await need(
                    """
                    set -e
                    cp --sparse=always \(stage.image(guest, "vdb")) \(quoted(elsewhere))
                    virsh dumpxml both | sed "s#\(stage.image(guest, "vdb"))#\(elsewhere)#" > \(stage.lab.folder)/both.xml
                    virsh -q define \(stage.lab.folder)/both.xml; virsh -q start both; \(stage.lab.program) wait both
                    \(stage.lab.preSnapshot) \(stage.dataset)@a
                    """)
                let during = try await need("virsh domblklist both")
                #expect(during.contains(elsewhere))
                #expect(during.contains(stage.lab.overlays + "/both-"))
                try await need("zfs snapshot \(stage.dataset)@a")
                let post = try await shell("\(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.errors.contains("both: quiesced, 1 of 1 file systems"), "\(post.errors)")
                let after = try await need("virsh domblklist both")
                #expect(after.contains(stage.image(guest, "vda")))
                #expect(after.contains(elsewhere))
            }
        }
    }
}
