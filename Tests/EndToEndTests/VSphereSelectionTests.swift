import Testing

extension RealParts {
    @Suite("vSphere: which VMs, and how")
    struct VSphereSelectionTests {
        private static let name = "vsphere-which"
        private static let lun = "naa.60014056c1b6c5cb4f64b0e9d570f3a7"

        /// Datastores with a common prefix, two on one dataset, one of another host, a LUN; and every odd VM.
        private func inventory() throws -> String {
            let machine = VSphereStage.machine
            let machines = [
                machine("plain", "tank-nfs", ""), machine("other", "tank-nfs2", ""), machine("twice", "both-a", ""),
                machine("block", "lun", ""), machine("iso", "far", #", "cdrom": "tank-nfs""#),
                #"{"name": "vmx-far", "datastore": "far", "disks": [{"datastore": "tank-nfs"}]}"#,
                #"{"name": "disk-far", "datastore": "tank-nfs", "disks": [{"datastore": "far"}]}"#,
                #"{"name": "linked", "datastore": "far", "disks": [{"datastore": "far", "parent": "tank-nfs"}]}"#,
                #"{"name": "two", "datastore": "both-a", "disks": [{"datastore": "both-a"}, {"datastore": "both-b"}]}"#,
                #"""
                {"name": "indep", "datastore": "tank-nfs", "disks": [{"datastore": "tank-nfs"},
                 {"datastore": "tank-nfs", "mode": "independent_persistent"}]}
                """#,
                #"""
                {"name": "rdm", "datastore": "tank-nfs", "disks": [{"datastore": "tank-nfs"},
                 {"datastore": "tank-nfs", "rdm": "physicalMode"}]}
                """#,
                machine("gpu", "tank-nfs", #", "pciPassthrough": true"#),
                machine("bus", "tank-nfs", #", "sharedBus": "physicalSharing""#),
                machine("ft", "tank-nfs", #", "ft": true"#),
                machine("off", "tank-nfs", #", "poweredOff": true"#),
                machine("asleep", "tank-nfs", #", "suspended": true"#),
                machine("golden", "tank-nfs", #", "template": true"#),
                machine("away", "tank-nfs", #", "connection": "disconnected""#),
                machine("mute", "tank-nfs", #", "tools": "guestToolsNotRunning""#),
                machine("kept", "tank-nfs", #", "snapshots": ["before update", "after update"]"#),
                machine("a/b & <c>", "tank-nfs", ""),
            ]
            let datastores = try [
                VSphereStage.datastore("tank-nfs", Self.name + "/nfs"),
                VSphereStage.datastore("tank-nfs2", Self.name + "/nfs2"),
                VSphereStage.datastore("both-a", Self.name + "/both/a"),
                VSphereStage.datastore("both-b", Self.name + "/both/b"),
                VSphereStage.datastore("far", Self.name + "/nfs", host: "192.0.2.7"),
            ]
            return """
                {"nas": [\(datastores.joined(separator: ", "))],
                 "vmfs": [{"name": "lun", "diskName": "\(Self.lun)"}], "vms": [\(machines.joined(separator: ", "))]}
                """
        }

        private func with(_ body: (VSphereStage) async throws -> Void) async throws {
            let pool = try #require(Lab.here).pool
            try await VSphereStage.with(
                Self.name, datasets: ["nfs", "nfs2", "both", "lun"], inventory: try inventory(),
                hypervisor: "lun = \(Self.lun)=\(pool)/\(Self.name)/lun"
            ) { stage in
                try await need("mkdir -p /\(stage.dataset)/both/a /\(stage.dataset)/both/b")
                try await body(stage)
            }
        }

        @Test("Exactly the VMs with a disk on the dataset are snapshotted; afterwards only the user's snapshots remain")
        func whichMachines() async throws {
            try await with { stage in
                let before = try await stage.server.machines()
                let pre = try await shell(stage.pre("a"))
                #expect(pre.status == 0, "\(pre.errors)")
                #expect(
                    try await stage.server.held() == [
                        "a%2fb & <c>", "indep", "kept", "plain", "vmx-far",
                    ])
                for machine in try await stage.server.machines().values {
                    for snapshot in machine.ours {
                        #expect(snapshot.quiesced, "\(machine.name)")
                        #expect(snapshot.description.contains("stillpoint"), "\(snapshot.description)")
                    }
                }
                let kept = try #require(try await stage.server.machines()["kept"])
                #expect(kept.all.map(\.name).dropLast() == ["before update", "after update"])

                try await stage.snapshot("a")
                let post = try await shell(stage.post("a"))
                #expect(post.status == 0, "\(post.errors)")
                try await stage.expectNothingLeft()
                let after = try await stage.server.machines()
                #expect(after.mapValues { $0.all.map(\.ref) } == before.mapValues { $0.all.map(\.ref) })
                #expect(after.mapValues(\.power) == before.mapValues(\.power))
                #expect(try await stage.server.counts().creations == 5)
                #expect(try await stage.server.counts().removals == 5)

                let expected = [
                    "plain": "quiesced", "vmx-far": "quiesced", "linked": "crash", "indep": "quiesced",
                    "kept": "quiesced", "a%2Fb%20%26%20%3Cc%3E": "quiesced", "off": "off", "asleep": "off",
                    "golden": "off", "gpu": "crash", "rdm": "crash", "bus": "crash", "ft": "crash", "mute": "crash",
                    "away": "crash",
                ]
                #expect(try await stage.got("a") == expected, "\(post.errors)")
                let reasons = [
                    "gpu": "device-unsupported", "rdm": "disk-unsupported",
                    "bus": "disk-unsupported", "ft": "device-unsupported", "mute": "agent-silent",
                    "away": "unreachable",
                ]
                let found = try await stage.reasons("a")
                #expect(found == reasons, "\(post.errors)")
                for (name, reason) in [
                    ("gpu", "PCI"), ("rdm", "raw device"), ("bus", "bus"), ("ft", "ault"), ("mute", "Tools"),
                    ("indep", "independent"), ("asleep", "RAM"), ("away", "disconnected"),
                    ("linked", "writes to [far]"),
                ] {
                    let said = pre.errors + post.errors
                    let line = said.split(separator: "\n").first { $0.contains("stillpoint: \(name): ") }
                    #expect(line?.contains(reason) == true, "\(name): \(said)")
                }
            }
        }

        @Test("A VM on two datastores of one dataset is taken once, one on a LUN by its name")
        func once() async throws {
            try await with { stage in
                for (child, expected) in [("both", ["two", "twice"]), ("lun", ["block"]), ("nfs2", ["other"])] {
                    let pre = try await shell(stage.pre("b", on: child))
                    #expect(pre.status == 0, "\(pre.errors)")
                    #expect(try await stage.server.held() == expected.sorted(), "\(child)")
                    try await stage.snapshot("b", on: child)
                    let post = try await shell(stage.post("b", on: child))
                    #expect(post.status == 0, "\(post.errors)")
                    #expect(try await stage.got("b", on: child).keys.sorted() == expected.sorted())
                    try await stage.expectNothingLeft()
                }
            }
        }

        @Test("A recursive snapshot takes the VMs of all datasets below, each once")
        func recursive() async throws {
            try await with { stage in
                let command = "\(stage.lab.preSnapshot) --config \(stage.configuration) -r \(stage.dataset)@r"
                let pre = try await shell(command)
                #expect(pre.status == 0, "\(pre.errors)")
                #expect(
                    try await stage.server.held() == [
                        "a%2fb & <c>", "block", "indep", "kept", "other", "plain", "twice", "two", "vmx-far",
                    ])
                try await need("zfs snapshot -r \(stage.dataset)@r")
                let post = try await shell(
                    "\(stage.lab.postSnapshot) --config \(stage.configuration) -r \(stage.dataset)@r")
                #expect(post.status == 0, "\(post.errors)")
                try await stage.expectNothingLeft()
                #expect(try await stage.got("r", on: "lun") == ["block": "quiesced"])
            }
        }
    }
}
