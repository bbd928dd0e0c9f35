import Testing

extension RealParts {
    @Suite("Metrics of real guests")
    struct MetricsTests {
        @Test(
            "What each got is in node_exporter's file, which another user can read, and a read-only folder fails no run"
        )
        func written() async throws {
            let guests = [Stage.Guest(name: "told"), Stage.Guest(name: "mute", options: "--no-agent")]
            try await Stage.with("metrics", guests) { stage in
                let (lab, dataset) = (stage.lab, stage.dataset)
                let (folder, metrics) = ("\(lab.folder)/prom", "\(lab.binaries)/stillpoint metrics")
                try await stage.set("metrics_file = \(folder)/stillpoint.prom")
                try await need("mkdir \(folder); mount -t tmpfs -o ro none \(folder)")
                try await need(
                    "\(lab.preSnapshot) \(dataset)@a; zfs snapshot \(dataset)@a; \(lab.postSnapshot) \(dataset)@a")
                let refused = try await shell(metrics)
                #expect(refused.status == 1)
                #expect(
                    refused.errors.contains("\(folder)/stillpoint.prom: Read-only file system"), "\(refused.errors)")
                #expect(try await need("ls -A \(folder)").isEmpty)

                try await need("umount \(folder); chmod 0755 \(folder); \(metrics)")
                let reader = "setpriv --reuid=65534 --regid=65534 --clear-groups"
                let lines = try await need("\(reader) cat \(folder)/stillpoint.prom").split(separator: "\n")
                let labels = "hypervisor=\"local\",dataset=\"\(dataset)\""
                #expect(lines.contains("stillpoint_vm_consistency{vm=\"told\",\(labels)} 2"))
                #expect(lines.contains("stillpoint_vm_consistency{vm=\"mute\",\(labels)} 0"))
                #expect(lines.contains("stillpoint_vm_fallback{vm=\"mute\",\(labels),reason=\"agent-missing\"} 1"))
                #expect(!lines.contains { $0.hasPrefix("stillpoint_vm_fallback{vm=\"told\",") })
                #expect(lines.contains("stillpoint_last_success_timestamp_seconds{dataset=\"\(dataset)\"} 0"))
                let frozen = lines.first { $0.hasPrefix("stillpoint_vm_frozen_seconds{vm=\"told\",") }
                #expect(frozen?.split(separator: " ").last.flatMap { Double($0) }.map { 0...10 ~= $0 } == true)
                #expect(try await need("promtool check metrics <\(folder)/stillpoint.prom 2>&1").isEmpty)
                try await stage.expectNothingLeft()
            }
        }
    }
}
