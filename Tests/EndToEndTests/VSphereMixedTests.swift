import Testing

extension RealParts {
    @Suite("vSphere beside libvirt, and many VMs")
    struct VSphereMixedTests {
        @Test("One dataset with a libvirt guest and vSphere VMs: one run, one report")
        func mixed() async throws {
            let name = "vsphere-mixed"
            let guest = Stage.Guest(name: "local")
            try await Stage.with(name + "/nfs", [guest]) { local in
                try await VSphereStage.with(name) { stage in
                    try await need("printf '[hypervisor kvm]\\nkind = libvirt\\n' >> \(stage.configuration)")
                    let pre = try await shell(stage.pre("a"))
                    #expect(pre.status == 0, "\(pre.errors)")
                    #expect(try await stage.openRuns().count == 1)
                    #expect(try await stage.server.held() == ["db", "web"])
                    #expect(try await need("virsh domblklist local").contains(stage.lab.overlays))
                    try await stage.snapshot("a")
                    let post = try await shell(stage.post("a"))
                    #expect(post.status == 0, "\(post.errors)")
                    for machine in ["local", "web", "db"] {
                        #expect(post.errors.contains("stillpoint: \(machine): quiesced"), "\(post.errors)")
                    }
                    #expect(try await stage.got("a") == ["local": "quiesced", "web": "quiesced", "db": "quiesced"])
                    try await local.expectConsistency(of: "\(local.dataset)@a", quiesced: ["local"])
                    try await stage.expectNothingLeft()
                    try await local.expectNothingLeft()

                    // Without the server the guest is quiesced all the same, and the report tells of both.
                    try await stage.server.down()
                    let half = try await shell(
                        "\(stage.pre("b")) && zfs snapshot \(stage.dataset)/nfs@b && \(stage.post("b"))")
                    #expect(half.status == 0, "\(half.errors)")
                    #expect(half.errors.contains("stillpoint: local: quiesced"), "\(half.errors)")
                    #expect(half.errors.contains("nothing answers at \(stage.server.ready.sdk)"), "\(half.errors)")
                    #expect(try await stage.got("b")["local"] == "quiesced")
                    try await stage.server.up()
                    try await stage.expectNothingLeft()
                    try await local.expectNothingLeft()
                }
            }
        }

        @Test("1000 VMs: at most 2.2 round trips a VM over pre and post, below 150 MB")
        func many() async throws {
            let pool = try #require(Lab.here).pool
            let name = "vsphere-many"
            try await VSphereStage.with(
                name, inventory: "{}", options: "-vms 1000",
                hypervisor: "datastore = LocalDS_0=\(pool)/\(name)/nfs\nmax_parallel = 64"
            ) { stage in
                let pre = try await measured(stage.pre("a"))
                #expect(try await stage.server.held().count == 1000)
                try await stage.snapshot("a")
                let post = try await measured(stage.post("a"))
                let counts = try await stage.server.counts()
                print("1000 VMs: \(counts.total) round trips, pre \(pre), post \(post)")
                #expect(counts.total <= 2200, "\(counts.byMethod)")
                #expect(max(pre.megabytes, post.megabytes) < 150)
                #expect(counts.creations == 1000 && counts.removals == 1000)
                #expect(counts.maxRunning <= 64)
                try await stage.expectNothingLeft()
            }
        }

        @Test("No more tasks at a time than max_parallel, and these side by side")
        func parallel() async throws {
            let machines = (1...12).map { VSphereStage.machine("m\($0)", "nfs") }
            let inventory = """
                {"nas": [\(try VSphereStage.datastore("nfs", "vsphere-parallel/nfs"))],
                 "vms": [\(machines.joined(separator: ","))]}
                """
            try await VSphereStage.with(
                "vsphere-parallel", inventory: inventory, options: "-vms 1 -taskdelay 300",
                hypervisor: "max_parallel = 4"
            ) { stage in
                let said = try await stage.cycle("a")
                #expect(said.status == 0, "\(said.errors)")
                #expect(try await stage.server.counts().maxRunning == 4)
                #expect(try await stage.got("a").values.filter { $0 == "quiesced" }.count == 12)
                try await stage.expectNothingLeft()
            }
        }

        private struct Cost: CustomStringConvertible {
            var megabytes: Int
            var seconds: Double
            var description: String { "\(seconds) s \(megabytes) MB" }
        }

        /// Runs a hook that must succeed, and gives the most memory it ever had.
        private func measured(_ command: String) async throws -> Cost {
            let program = """
                import resource, subprocess, sys, time
                begin = time.monotonic()
                status = subprocess.call(["bash", "-c", "exec " + sys.argv[1]])
                peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
                print(peak, round(time.monotonic() - begin, 2))
                sys.exit(status)
                """
            let words = try await need("python3 -c \(quoted(program)) \(quoted(command))").split(separator: " ")
            return Cost(megabytes: Int(words[0]) ?? 9999, seconds: Double(words[1]) ?? 9999)
        }
    }
}
