import JSON
import Testing

extension RealParts {
    /// What is wrong with a guest is said before the night in which it matters.
    @Suite("check and plan, of guests as they are")
    struct GuestCheckTests {
        private struct Report: Decodable {
            struct Item: Decodable {
                let code: String
                let what: String
                let fix: String?
            }

            let findings: [Item]
        }

        private struct Entry: Decodable {
            struct Disk: Decodable { let handling: String }
            struct Expected: Decodable {
                let outcome: String
                let reason: String?
                let strategy: String
            }

            let vm: String
            let disks: [Disk]
            let expected: [Expected]
        }

        /// Each guest, the code of what is found of it, its reason in a plan, and what the way out names.
        private static let planted = [
            ("bare", "SP303", "agent-missing", "<channel type='unix'>"),
            ("stopped", "SP304", "agent-silent", "systemctl enable --now qemu-guest-agent"),
            ("mute", "SP304", "agent-silent", "systemctl restart qemu-guest-agent"),
            ("barred", "SP305", "agent-refuses", "BLACKLIST_RPC"),
            ("theirs", "SP307", "vm-busy", ""), ("held", "SP306", "vm-paused", "virsh resume held"),
            ("hung", "SP308", "unreachable", "kill -CONT "),
        ]

        @Test("finds each fault that is planted, names the way out, promises no overlay, and changes nothing")
        func planted() async throws {
            let options = ["bare": "--no-agent", "barred": "--block guest-fsfreeze-freeze"]
            let names = Self.planted.map(\.0) + ["well"]
            let guests = names.map { Stage.Guest(name: $0, options: options[$0] ?? "") }
            try await Stage.with("guests", guests, configuration: "strategy = quiesce\nagent_timeout = 2") { stage in
                try await need(
                    """
                    end() { virsh qemu-agent-command --timeout 2 $1 "{\\"execute\\":\\"guest-exec\\",\\"arguments\\":{
                        \\"path\\":\\"/bin/busybox\\",\\"arg\\":[\\"killall\\",\\"$2\\",\\"qemu-ga\\"]}}"; }
                    end stopped -KILL; end mute -STOP
                    virsh -q domfsfreeze theirs; virsh -q suspend held; kill -STOP $(cat /run/libvirt/qemu/hung.pid)
                    for i in $(seq 50); do virsh dumpxml stopped | grep -q disconnected && exit; sleep 0.1; done; exit 1
                    """)
                let before = try await need("virsh dumpxml well | sha256sum")
                let begin = ContinuousClock.now
                let check = try await shell("timeout 60 \(stage.lab.binaries)/stillpoint check --json")
                #expect(begin.duration(to: .now) < .seconds(15))
                #expect(check.status == 1, "\(check.errors)")
                let report = try JSON.decode(Report.self, from: Array(check.output.utf8))
                for (name, code, _, fix) in Self.planted {
                    let found = report.findings.filter { $0.what.contains("\(name): quiesce would fail") }
                    #expect(found.map(\.code) == [code], "\(name): \(found)")
                    #expect(fix.isEmpty || found.first?.fix?.contains(fix) == true, "\(name): \(found)")
                }
                #expect(!report.findings.contains { $0.what.contains("well") }, "\(report.findings)")

                let plan = try await shell("timeout 60 \(stage.lab.binaries)/stillpoint plan --json \(stage.dataset)")
                let entries = try JSON.decode([Entry].self, from: Array(plan.output.utf8))
                #expect(entries.count == guests.count, "\(plan.errors)")
                for entry in entries {
                    let reason = Self.planted.first { $0.0 == entry.vm }?.2
                    #expect(entry.expected.map(\.outcome) == [reason == nil ? "wins" : "fails"], "\(entry)")
                    #expect(entry.expected.map(\.reason) == [reason], "\(entry)")
                    #expect(entry.disks.map(\.handling) == [reason == nil ? "overlay" : "in place"], "\(entry)")
                }
                #expect(try await need("virsh dumpxml well | sha256sum") == before)
                #expect(try await need("virsh domstate held") == "paused")
                try await need("kill -CONT $(cat /run/libvirt/qemu/hung.pid)")
                try await stage.expectWrites(by: guests[guests.count - 1], on: "vda", within: 2)
                try await need("virsh -q domfsthaw theirs; virsh -q resume held")
                try await stage.expectNothingLeft()
            }
        }
    }
}
