import Testing

extension RealParts {
    @Suite("vSphere: restoring")
    struct VSphereRestoreTests {
        /// The file that stands for the VM's disk.
        private static func disk(_ stage: VSphereStage) -> String { "/\(stage.dataset)/nfs/web_nfs/extra0.vmdk" }

        /// A VM that runs and one that is off, on one dataset, in a storage snapshot `a`.
        private func with(_ body: (VSphereStage) async throws -> Void) async throws {
            let name = "vsphere-restore"
            let inventory = """
                {"nas": [\(try VSphereStage.datastore("nfs", name + "/nfs"))],
                 "vms": [\(VSphereStage.machine("web", "nfs", #", "snapshots": ["user"]"#)),
                         \(VSphereStage.machine("off", "nfs", #", "poweredOff": true"#))]}
                """
            try await VSphereStage.with(name, inventory: inventory) { stage in
                let disk = Self.disk(stage)
                try await need("mkdir -p $(dirname \(disk)); echo then > \(disk)")
                let pre = try await shell(stage.pre("a"))
                #expect(pre.status == 0, "\(pre.errors)")
                try await stage.snapshot("a")
                try await stage.server.saveStorage("a")
                let post = try await shell(stage.post("a"))
                #expect(post.status == 0, "\(post.errors)")
                try await need("echo now > \(disk)")
                try await body(stage)
            }
        }

        private func restore(_ stage: VSphereStage, _ options: String) -> String {
            "\(stage.lab.binaries)/stillpoint restore --config \(stage.configuration) \(stage.dataset)/nfs@a \(options)"
        }

        @Test("Without --as or --in-place it prints what is to be done, and does nothing")
        func printed() async throws {
            try await with { stage in
                let said = try await shell(restore(stage, "--vm web"))
                #expect(said.status == 0, "\(said.errors)")
                let text = said.output + said.errors
                for word in ["zfs rollback \(stage.dataset)/nfs@a", "Revert it"] {
                    #expect(text.contains(word), "\(text)")
                }
                #expect(try await need("cat \(Self.disk(stage))") == "now")
                #expect(try await stage.server.machines()["web"]?.power == "poweredOn")
            }
        }

        @Test(
            "In place with its RAM: suspended for the snapshot, or in the VM snapshot; whatever it does now, it runs again"
        )
        func ram() async throws {
            try await concurrently([("pause", "crash", 0), ("memory", "memory", 1), ("shutdown", "off", 0)]) { one, _ in
                let (strategy, got, reverts) = one
                let name = "vsphere-restore-" + strategy
                let inventory = """
                    {"nas": [\(try VSphereStage.datastore("nfs", name + "/nfs"))],
                     "vms": [\(VSphereStage.machine("web", "nfs", #", "snapshots": ["user"]"#))]}
                    """
                try await VSphereStage.with(name, inventory: inventory, settings: "strategy = \(strategy)") { stage in
                    let disk = Self.disk(stage)
                    try await need("mkdir -p $(dirname \(disk)); echo then > \(disk)")
                    let pre = try await shell(stage.pre("a"))
                    #expect(pre.status == 0, "\(pre.errors)")
                    try await stage.snapshot("a")
                    try await stage.server.saveStorage("a")
                    let post = try await shell(stage.post("a"))
                    #expect(post.status == 0, "\(post.errors)")
                    #expect(try await stage.got("a") == ["web": got], "\(post.errors)")
                    try await need("echo now > \(disk)")
                    try await stage.server.meddle("web", "suspend")
                    try await stage.server.rollBackStorage("a")
                    try await stage.server.reset()
                    let said = try await shell(restore(stage, "--vm web --in-place --start"))
                    #expect(said.status == 0, "\(said.errors)")
                    #expect(try await need("cat \(disk)") == "then")
                    let web = try #require(try await stage.server.machines()["web"])
                    #expect(web.power == "poweredOn")
                    #expect(web.all.map(\.name) == ["user"])
                    let counts = try await stage.server.counts().byMethod
                    #expect(counts["Reload"] == 1 && counts["PowerOffVM_Task"] == 1, "\(counts)")
                    #expect((counts["RevertToSnapshot_Task"] ?? 0) == reverts, "\(counts)")
                }
            }
        }

        @Test("In place: switched off, rolled back, read again, reverted, started, and our snapshot removed")
        func inPlace() async throws {
            try await with { stage in
                // Nothing else may use the dataset.
                let refused = try await shell(restore(stage, "--vm web --in-place"))
                #expect(refused.status == 2 && refused.errors.contains("the VM off"), "\(refused.errors)")
                #expect(try await stage.server.machines()["web"]?.power == "poweredOn")
                try await stage.server.meddle("off", "destroy")
                try await stage.server.rollBackStorage("a")
                let said = try await shell(restore(stage, "--vm web --in-place"))
                #expect(said.status == 0, "\(said.errors)")
                #expect(try await need("cat \(Self.disk(stage))") == "then")
                let web = try #require(try await stage.server.machines()["web"])
                #expect(web.power == "poweredOn")
                #expect(web.all.map(\.name) == ["user"])
                let counts = try await stage.server.counts()
                #expect(counts.byMethod["Reload"] == 1)
                #expect(counts.byMethod["RevertToSnapshot_Task"] == 1)
            }
        }
    }
}
