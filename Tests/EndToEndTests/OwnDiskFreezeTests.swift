import Testing

extension RealParts {
    @Suite("freeze, pause and shutdown")
    struct OwnDiskFreezeTests {
        private static let limits = "freeze_timeout = 2\nshutdown_timeout = 15"

        /// A section for each guest: the strategies that its name's second part says.
        private func rules(_ strategies: [String: String]) -> String {
            strategies.sorted { $0.key < $1.key }.map { "[vm \($0.key)]\nstrategy = \($0.value)" }.joined(
                separator: "\n")
        }

        private func states(_ guests: [Stage.Guest]) async throws -> [String: String] {
            var states: [String: String] = [:]
            for guest in guests { states[guest.name] = try await need("virsh domstate \(guest.name) | head -n 1") }
            return states
        }

        @Test("Each stops its guest from pre to post on its own disks, says what it got, and lets it run again")
        func wholeRun() async throws {
            let guests = [
                Stage.Guest(name: "iced", disks: 2), Stage.Guest(name: "still"), Stage.Guest(name: "down"),
                Stage.Guest(name: "button", options: "--no-agent"), Stage.Guest(name: "usual"),
            ]
            let configuration =
                Self.limits + "\n"
                + rules([
                    "iced": "freeze", "still": "pause", "down": "shutdown", "button": "shutdown", "usual": "quiesce",
                ])
            try await Stage.with("own", guests, configuration: configuration) { stage in
                let pre = try await shell("\(stage.lab.preSnapshot) \(stage.dataset)@a")
                #expect(pre.status == 0, "\(pre.errors)")
                #expect(
                    try await states(guests) == [
                        "iced": "running", "still": "paused", "down": "shut off", "button": "shut off",
                        "usual": "running",
                    ])
                #expect(try await need("ls -A \(stage.lab.overlays)").hasPrefix("usual-"), "\(pre.errors)")
                #expect(try await need("ls -A \(stage.lab.overlays) | wc -l") == "1")
                let post = try await shell(
                    "zfs snapshot \(stage.dataset)@a; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.status == 0, "\(post.errors)")
                #expect(post.errors.contains("iced: quiesced, 2 of 2 file systems frozen for"), "\(post.errors)")
                #expect(
                    try await stage.property("vms", of: "\(stage.dataset)@a")
                        == "button=off,down=off,iced=quiesced,still=crash,usual=quiesced", "\(post.errors)")
                #expect(Set(try await states(guests).values) == ["running"])
                try await stage.expectNothingLeft()
                try await stage.expectWrites(by: guests[0], on: "vda", within: 1)
                try await stage.expectWrites(by: guests[1], on: "vda", within: 1)
                try await expectClean(stage, "\(stage.dataset)@a", ["iced", "down", "button", "usual"])
                try await need("\(stage.lab.program) wait down")
                try await stage.expectWrites(by: guests[2], on: "vda", within: 2)
            }
        }

        /// The guests' file systems in the snapshot need no recovery.
        private func expectClean(_ stage: Stage, _ snapshot: String, _ names: [String]) async throws {
            let clone = "\(stage.lab.pool)/look\(Int.random(in: 1000...9999))"
            try await need("zfs clone \(snapshot) \(clone)")
            for name in names {
                let checked = try await shell("\(stage.lab.program) clean-fs /\(clone)/\(name)-vda.raw")
                #expect(checked.status == 0, "\(name)")
            }
            try await need("zfs destroy \(clone) || { sleep 1; zfs destroy \(clone); }")
        }

        @Test(
            "Where post never comes the watchdog thaws and resumes after freeze_limit, and the later snapshot is called crash"
        )
        func freezeLimit() async throws {
            let guests = [Stage.Guest(name: "iced"), Stage.Guest(name: "still")]
            let configuration = "freeze_limit = 2\n" + rules(["iced": "freeze", "still": "pause"])
            try await Stage.with("limit", guests, configuration: configuration) { stage in
                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@a")
                try await Task.sleep(for: .milliseconds(3500))
                #expect(try await states(guests) == ["iced": "running", "still": "running"])
                let windows = try await need("\(stage.lab.program) frozen iced").split(separator: "\n")
                // The first one is of the lab, which waited for the agent.
                let window = try #require(windows.last.flatMap { Double($0) })
                #expect((1900..<4000).contains(window), "\(windows)")
                try await stage.expectWrites(by: guests[0], on: "vda", within: 1)
                try await stage.expectWrites(by: guests[1], on: "vda", within: 1)
                let post = try await shell(
                    "zfs snapshot \(stage.dataset)@a; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.status == 0 && post.errors.contains("freeze_limit"), "\(post.errors)")
                let early = "iced=crash:released-early,still=crash"
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == early)
                try await stage.expectNothingLeft()
            }
        }

        @Test("A guest that thaws in the window is crash-consistent, though its freeze went well")
        func selfThaw() async throws {
            let guest = Stage.Guest(name: "melts", options: "--self-thaw 1")
            try await Stage.with("melts", [guest], configuration: rules(["melts": "freeze"])) { stage in
                let post = try await shell(
                    """
                    s=\(stage.dataset)@a; \(stage.lab.preSnapshot) $s; sleep 2; zfs snapshot $s; \(stage.lab.postSnapshot) $s
                    """)
                #expect(post.errors.contains("had thawed before it was told to"), "\(post.errors)")
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "melts=crash:thawed-early")
                try await stage.expectNothingLeft()
            }
        }

        @Test(
            "What cannot be done falls back with its reason: agent missing, slow or forbidden, shutdown ignored, paused before"
        )
        func fallbacks() async throws {
            let guests = [
                Stage.Guest(name: "mute", options: "--no-agent"),
                Stage.Guest(name: "slow", options: "--hook-delay 4"),
                Stage.Guest(name: "barred", options: "--block guest-fsfreeze-freeze"),
                Stage.Guest(name: "deaf", options: "--no-agent --no-power-button"), Stage.Guest(name: "asleep"),
            ]
            let configuration =
                "freeze_timeout = 2\nshutdown_timeout = 2\n"
                + rules([
                    "mute": "freeze, crash-consistent", "slow": "freeze, crash-consistent",
                    "barred": "freeze, pause", "deaf": "shutdown, crash-consistent", "asleep": "pause",
                ])
            try await Stage.with("refuse", guests, configuration: configuration) { stage in
                try await need("virsh suspend asleep")
                let pre = try await shell("\(stage.lab.preSnapshot) \(stage.dataset)@a")
                #expect(pre.status == 0)
                for reason in [
                    "mute: crash-consistent only (freeze: the VM has no guest agent channel)",
                    "slow: crash-consistent only (freeze: the guest did not freeze",
                    "barred: crash-consistent only (freeze: the guest agent refuses to freeze",
                    "deaf: crash-consistent only (shutdown: the guest did not shut down in time)",
                    "asleep: crash-consistent only (it was paused already, and stays so)",
                ] {
                    #expect(pre.errors.contains(reason), "\(reason)\n\(pre.errors)")
                }
                #expect(try await states([guests[2], guests[4]]) == ["barred": "paused", "asleep": "paused"])
                let post = try await shell(
                    "zfs snapshot \(stage.dataset)@a; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.status == 3 && post.errors.contains("may do so yet; then it is started"), "\(post.errors)")
                #expect(try await states([guests[2], guests[4]]) == ["barred": "running", "asleep": "paused"])
                // It goes off late, and the watchdog is there for it.
                try await need("virsh destroy deaf")
                let isUp = "[ \"$(virsh domstate deaf | head -n 1)\" = running ] && exit"
                try await need("for i in $(seq 200); do \(isUp); sleep 0.1; done; exit 1")
                try await stage.expectWrites(by: guests[1], on: "vda", within: 3)
                try await need("virsh resume asleep")
                try await stage.expectNothingLeft()
            }
        }

        @Test(
            "kill -9 at durable steps of pre, post, recover and watchdog: recover lets every guest run again",
            .enabled(if: Lab.here?.debugBinaries != nil, "needs debug binaries: run 'make test'"))
        func kills() async throws {
            let guests = [Stage.Guest(name: "iced"), Stage.Guest(name: "still"), Stage.Guest(name: "down")]
            let debug = try #require(Lab.here?.debugBinaries)
            let configuration =
                Self.limits + "\n" + rules(["iced": "freeze", "still": "pause", "down": "shutdown"])
            try await Stage.with("kills", guests, configuration: configuration) { stage in
                for row in OwnDiskKill.rows(stage, debug) {
                    var killed = 0
                    let stride = OwnDiskKill.stride
                    for step in Swift.stride(from: Int.random(in: 1...stride), through: 60, by: stride) {
                        let outcome = try await shell(row.call(step))
                        try await need("pkill -9 -f '^stillpoint-watchdog' || true; sleep 0.05")
                        let recovered = try await shell("\(stage.stillpoint) recover")
                        #expect(
                            recovered.status == 0, "\(row.name), step \(step): \(outcome.errors)\(recovered.errors)")
                        #expect(Set(try await states(guests).values) == ["running"], "\(row.name), step \(step)")
                        try await stage.expectNothingLeft()
                        try await need("\(stage.lab.program) wait \(guests.map(\.name).joined(separator: " "))")
                        try await stage.expectWrites(by: guests[0], on: "vda", within: 1)
                        guard outcome.status == 137 else { break }
                        killed += 1
                    }
                    print("kills: \(row.name): \(killed) steps")
                    #expect(killed > 0 || OwnDiskKill.stride > 1, "\(row.name) was never killed")
                }
            }
        }
    }
}
