import Testing

extension RealParts {
    @Suite("stillpoint status and explain")
    struct StatusTests {
        private let guest = Stage.Guest(name: "shown")

        @Test("show a run with its watchdog, say recover when that was killed, and tell of the VM's window afterwards")
        func story() async throws {
            try await Stage.with("status", [guest]) { stage in
                let stillpoint = "\(stage.lab.binaries)/stillpoint"
                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@a && zfs snapshot \(stage.dataset)@a")
                let watchdog = try await need("pgrep -f '^stillpoint-watchdog'")
                let open = try await need("\(stillpoint) status")
                #expect(open.contains("held: shown (overlay)"), "\(open)")
                #expect(open.contains("watchdog: process \(watchdog)\n"), "\(open)")
                #expect(open.contains("waits for post-snapshot; its watchdog ends it in "), "\(open)")
                // Nobody else knows yet what the snapshot holds of it.
                let shown = try await need("\(stillpoint) show \(stage.dataset)@a")
                #expect(shown.hasPrefix("shown: quiesced\n"), "\(shown)")
                #expect(try await need("\(stillpoint) explain shown").contains("open now: run "))

                try await need("kill -9 \(watchdog)")
                let left = try await shell(
                    "for i in $(seq 50); do kill -0 \(watchdog) || break; sleep 0.1; done; \(stillpoint) status")
                #expect(left.status == 3)
                #expect(left.output.contains("problem: nobody is at work on it; fix: stillpoint recover\n"), "\(left)")
                // Else the snapshot may be of the same second as the release.
                try await Task.sleep(for: .seconds(1.1))
                try await need("\(stillpoint) recover")
                let over = try await need("\(stillpoint) status")
                #expect(over.hasPrefix("no run is open\n") && over.contains(stage.dataset), "\(over)")
                let told = try await need("\(stillpoint) explain shown")
                #expect(told.contains("\(stage.dataset)@a  quiesced  quiesce"), "\(told)")
                #expect(told.contains(" ms "), "\(told)")
                try await stage.expectNothingLeft()
            }
        }
    }
}
