import Testing

extension RealParts {
    @Suite("When post-snapshot never comes")
    struct WatchdogTests {
        private let guest = Stage.Guest(name: "kept", disks: 2)

        /// Until the guest is on its own disks and nothing is left, but no longer than that many seconds.
        private func expectRelease(_ stage: Stage, within seconds: Int) async throws {
            try await need(
                """
                for i in $(seq \(seconds * 5)); do
                    [ -z "$(ls -A \(stage.lab.overlays))" ] && exit; sleep 0.2
                done; ls \(stage.lab.overlays); exit 1
                """)
            let source = try await need("virsh domblklist kept | awk '$1 == \"vda\" { print $2 }'")
            #expect(source == stage.image(guest, "vda"))
        }

        private func guardID() async throws -> String { try await need("pgrep -f '^stillpoint-watchdog'") }

        @Test("the watchdog releases after max_hold; post then says that the snapshot is of VMs that were writing")
        func tooLong() async throws {
            try await Stage.with("guard", [guest], configuration: "max_hold = 2") { stage in
                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@late")
                // As much of its name as ps(1) and top(1) can show.
                #expect(try await need("ps -o comm= -p $(pgrep -f '^stillpoint-watchdog')") == "stillpoint-watc")
                try await expectRelease(stage, within: 15)
                try await Task.sleep(for: .seconds(1.1))
                try await need("zfs snapshot \(stage.dataset)@late")
                let said = try await need("\(stage.lab.postSnapshot) \(stage.dataset)@late 2>&1")
                #expect(said.contains("post-snapshot did not come within 2 s"), "\(said)")
                #expect(try await stage.property("vms", of: "\(stage.dataset)@late") == "kept=crash:released-early")
                try await stage.expectNothingLeft()
            }
        }

        @Test("a snapshot that was taken in time keeps what its VMs got, also when the watchdog comes before post")
        func inTime() async throws {
            try await Stage.with("intime", [guest], configuration: "max_hold = 3") { stage in
                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@a; zfs snapshot \(stage.dataset)@a")
                try await expectRelease(stage, within: 15)
                try await need(
                    "zfs snapshot \(stage.dataset)@a 2>/dev/null || true; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "kept=quiesced")
                try await stage.expectConsistency(of: "\(stage.dataset)@a", quiesced: ["kept"])
                try await stage.expectNothingLeft()
            }
        }

        @Test("it costs no processor time, leaves with post, and releases at once on SIGTERM")
        func quiet() async throws {
            try await Stage.with("quiet", [guest]) { stage in
                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@a && zfs snapshot \(stage.dataset)@a")
                let id = try await guardID()
                try await Task.sleep(for: .seconds(1))
                let ticks = "awk '{ print $14 + $15 }' /proc/\(id)/stat"
                let before = Int(try await need(ticks)) ?? 0
                try await Task.sleep(for: .seconds(10))
                #expect((Int(try await need(ticks)) ?? 99) - before <= 2)
                try await need(
                    "zfs snapshot \(stage.dataset)@a 2>/dev/null || true; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                try await need("for i in $(seq 30); do kill -0 \(id) 2>/dev/null || exit 0; sleep 0.1; done; exit 1")
                try await stage.expectNothingLeft()

                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@b && zfs snapshot \(stage.dataset)@b")
                try await need("kill \(try await guardID())")
                try await expectRelease(stage, within: 10)
                try await need(
                    "zfs snapshot \(stage.dataset)@b 2>/dev/null || true; \(stage.lab.postSnapshot) \(stage.dataset)@b")
                try await stage.expectNothingLeft()
            }
        }

        @Test("sanoid killed between pre and post, or pre killed by its time-out: the guest is on its own disks soon")
        func managerGone() async throws {
            try await Stage.with("gone", [guest]) { stage in
                let wrapper = "\(stage.lab.folder)/pre-and-die"
                try await need(
                    """
                    printf '#!/bin/sh\\n%s\\nkill -9 $PPID\\n' \(stage.lab.preSnapshot) > \(wrapper); chmod +x \(wrapper)
                    mkdir -p /etc/sanoid; rm -f /var/cache/sanoid/*
                    cat > /etc/sanoid/sanoid.conf <<'C'
                    [\(stage.dataset)]
                    daily = 7
                    hourly = 0
                    monthly = 0
                    autosnap = yes
                    autoprune = no
                    pre_snapshot_script = \(wrapper)
                    post_snapshot_script = \(stage.lab.postSnapshot)
                    script_timeout = 60
                    C
                    """)
                let killed = try await shell("sanoid --take-snapshots --force-update")
                #expect(killed.status == 137, "\(killed.errors)")
                try await expectRelease(stage, within: 30)
                try await need(
                    "for i in $(seq 50); do [ -z \"$(ls -A \(stage.lab.runs))\" ] && exit; sleep 0.1; done; exit 1")
                #expect(try await stage.snapshots().isEmpty)
                try await stage.expectNothingLeft()
            }
        }

        @Test("pre killed while a guest is freezing: the watchdog thaws it and ends the run")
        func preKilled() async throws {
            let slow = Stage.Guest(name: "slowly", options: "--hook-delay 3")
            try await Stage.with("preKilled", [guest, slow]) { stage in
                try await need(
                    "timeout -s KILL 1.5 \(stage.lab.preSnapshot) \(stage.dataset)@a; [ $? = 137 ]")
                try await expectRelease(stage, within: 30)
                try await Task.sleep(for: .seconds(4))
                try await stage.expectWrites(by: slow, on: "vda", within: 2)
                try await need(
                    "for i in $(seq 100); do [ -z \"$(ls -A \(stage.lab.runs))\" ] && exit; sleep 0.1; done; exit 1")
                try await stage.expectNothingLeft()
            }
        }
    }
}
