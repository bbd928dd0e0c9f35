import Testing

extension RealParts {
    /// Guests whose agents behave as qemu-ga on Windows does: see Tests/Lab/guest/vss-agent.c.
    @Suite("Windows guests")
    struct WindowsTests {
        private static let times = "agent_timeout = 2\nfreeze_timeout = 7"

        @Test("are quiesced where VSS held until their disks had moved, and never otherwise; nobody is left frozen")
        func behaviours() async throws {
            let guests = [
                Stage.Guest(name: "vss-prepares", disks: 2, options: "--vss prepare:4"),
                Stage.Guest(name: "vss-letsgo", options: "--vss hold:0"),
                Stage.Guest(name: "vss-refuses", options: "--vss refuse,mute"),
                Stage.Guest(name: "vss-never", options: "--vss never"),
                Stage.Guest(name: "vss-late", options: "--vss prepare:11,hold:60"),
                Stage.Guest(name: "vss-busy", options: "--vss fail:2"),
                Stage.Guest(name: "vss-soon", options: "--vss fail:1"),
                Stage.Guest(name: "no-vss"),
            ]
            let quiesced: Set = ["vss-prepares", "vss-soon", "no-vss"]
            try await Stage.with("windows", guests, configuration: Self.times) { stage in
                let s = "\(stage.dataset)@a"
                let pre = try await shell("\(stage.lab.preSnapshot) --deadline 40 \(s)")
                #expect(pre.status == 0, "\(pre.errors)")
                for text in [
                    "vss-letsgo: crash-consistent only, 1 of 1 file systems frozen",
                    "couldn't hold writes: fsfreeze is limited up to 10 seconds",
                    "failed to add D:\\ to snapshot set", "Another shadow copy creation is already in progress",
                    "vss-never: crash-consistent only (quiesce: the guest did not freeze",
                    "vss-late: crash-consistent only (quiesce: the guest did not freeze",
                ] {
                    #expect(pre.errors.contains(text), "\(text) is not in \(pre.errors)")
                }
                let post = try await shell("zfs snapshot \(s); \(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 0, "\(post.errors)")
                #expect(post.errors.contains("vss-prepares: quiesced, 2 of 2 file systems"), "\(post.errors)")
                #expect(post.errors.contains("to prepare its freeze"), "\(post.errors)")
                let got = try await stage.property("vms", of: s).split(separator: ",")
                let reasons = [
                    "vss-never": "agent-silent", "vss-late": "agent-silent", "vss-refuses": "freeze-failed",
                    "vss-busy": "freeze-failed", "vss-letsgo": "thawed-early",
                ]
                let expected = guests.map { guest in
                    let why = "crash:" + reasons[guest.name, default: ""]
                    return Substring("\(guest.name)=\(quiesced.contains(guest.name) ? "quiesced" : why)")
                }
                #expect(Set(got) == Set(expected))
                try await stage.expectConsistency(of: s, quiesced: quiesced)
                // VSS's ten seconds are sixty here: somebody else has thawed the late one.
                var before: [String: Int] = [:]
                for guest in guests { before[guest.name] = try await stage.durable(guest, "vda") }
                try await Task.sleep(for: .seconds(2))
                for guest in guests {
                    #expect(try await stage.durable(guest, "vda") > before[guest.name] ?? 0, "\(guest.name)")
                }
                try await stage.expectNothingLeft()
                // What is frozen for as long as VSS prepares is not frozen by that, and nobody waited for it frozen.
                for name in quiesced {
                    let held = try await need("\(stage.lab.program) frozen \(name) | tail -n 1")
                    #expect(Double(held).map { $0 < 3000 } == true, "\(name): \(held)")
                }
                try await worksLater(stage)
            }
        }

        private func worksLater(_ stage: Stage) async throws {
            let s = "\(stage.dataset)@b"
            try await stage.set(
                "\(Self.times)\nstrategy = crash-consistent\n[vm vss-busy]\nstrategy = quiesce, crash-consistent")
            try await need("\(stage.lab.preSnapshot) \(s); zfs snapshot \(s); \(stage.lab.postSnapshot) \(s)")
            #expect(try await stage.property("vms", of: s).contains("vss-busy=quiesced"))
            try await stage.expectNothingLeft()
        }
    }
}
