import Testing

extension RealParts {
    @Suite("Rules")
    struct RuleTests {
        @Test("by title, UUID and type hold on real guests, and plan and dry run name the lines that want it")
        func rules() async throws {
            let guests = [Stage.Guest(name: "rule-a"), Stage.Guest(name: "rule-b")]
            try await Stage.with("rules", guests) { stage in
                let lab = stage.lab
                try await need("virsh desc rule-a --title --live --config 'Orders (büro)'")
                let uuid = try await need("virsh domuuid rule-b")
                try await stage.set(
                    """
                    strategy = crash-consistent
                    [type hourly]
                    strategy = quiesce
                    [type frequently]
                    strategy = ignore
                    [vm Orders (b?ro)]
                    on_failure = abort
                    [vm uuid:\(uuid.uppercased())]
                    strategy = crash-consistent
                    """)
                let plan = try await need("\(lab.binaries)/stillpoint plan \(stage.dataset) --type hourly")
                let file = lab.configuration
                for said in [
                    "rule-a (Orders (büro)): running, on local\n", "quiesce\n                \(file):5 [type hourly]\n",
                    "abort\n                \(file):9 [vm Orders (b?ro)]\n",
                    "crash-consistent\n                \(file):11 [vm uuid:\(uuid.uppercased())]\n",
                    "vda: \(stage.image(guests[0], "vda")) (\(stage.dataset)): overlay",
                    "vda: \(stage.image(guests[1], "vda")) (\(stage.dataset)): in place",
                ] {
                    #expect(plan.contains(said), "\(said)\n\(plan)")
                }
                let json = try await need(
                    "\(lab.binaries)/stillpoint plan \(stage.dataset) --type hourly --json | python3 -c '"
                        + "import json, sys; print([(m[\"vm\"], m[\"strategyLine\"][\"line\"]) for m in json.load(sys.stdin)])'"
                )
                #expect(json == "[('rule-a', 5), ('rule-b', 11)]" || json == "[('rule-b', 11), ('rule-a', 5)]")
                #expect(try await shell("\(lab.binaries)/stillpoint plan \(stage.dataset)/none").status == 2)

                let sanoid = "SANOID_TARGET=\(stage.dataset) SANOID_SCRIPT=pre SANOID_SNAPNAME"
                // Nothing is to be done for frequent ones of the first; the second is named by a section of its own.
                let dry = try await shell(
                    "\(sanoid)=autosnap_2026-11-21_11:00:00_frequently \(lab.preSnapshot) --dry-run")
                #expect(dry.status == 0 && dry.errors.contains("would leave out rule-a (vda): ignore"), "\(dry.errors)")
                #expect(dry.errors.contains("would freeze rule-b (vda): crash-consistent"), "\(dry.errors)")
                try await stage.expectNothingLeft()

                let name = "autosnap_2026-11-21_11:00:00_hourly"
                try await need("\(sanoid)=\(name) \(lab.preSnapshot)")
                try await need("zfs snapshot \(stage.dataset)@\(name)")
                // What is held is released also where its hypervisor is not to be asked any more.
                try await stage.set("[hypervisor local]\nenabled = no")
                #expect(try await shell("\(lab.preSnapshot) \(stage.dataset)@other").status == 0)
                try await need(
                    "SANOID_TARGET=\(stage.dataset) SANOID_SCRIPT=post SANOID_SNAPNAME=\(stage.dataset)@\(name) "
                        + lab.postSnapshot)
                let machines = try await stage.property("vms", of: "\(stage.dataset)@\(name)")
                #expect(machines == "rule-a=quiesced,rule-b=crash:configured")
                try await stage.expectNothingLeft()
            }
        }

        @Test("of a type that nothing is done for end the hook before libvirt is loaded")
        func ignoredType() async throws {
            try await Stage.with("rules-none", [], configuration: "[type frequently]\nstrategy = ignore") { stage in
                let opened = try await need(
                    "SANOID_TARGET=\(stage.dataset) SANOID_SNAPNAME=x SANOID_TYPES=frequently "
                        + "strace -f -e trace=openat,clone3,clone \(stage.lab.preSnapshot) 2>&1")
                #expect(opened.contains("stillpoint.conf"), "\(opened)")
                for word in ["libvirt", "mountinfo", "sanoid.conf", "clone"] {
                    #expect(!opened.contains(word), "\(word)\n\(opened)")
                }
            }
        }
    }
}
