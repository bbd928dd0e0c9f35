import Testing

extension RealParts {
    @Suite(
        "vSphere: the crash matrix",
        .enabled(if: Lab.here?.debugBinaries != nil, "needs debug binaries: run 'make test'"))
    struct VSphereCrashTests {
        @Test(
            "kill -9 at every durable step: recover removes what was made, and nothing else")
        func matrix() async throws {
            try await concurrently(["pre-snapshot", "post-snapshot", "recover"]) { program, _ in
                try await matrix(program)
            }
        }

        private func matrix(_ program: String) async throws {
            let name = "vsphere-matrix-" + program
            let debug = try #require(Lab.here?.debugBinaries)
            let inventory = """
                {"nas": [\(try VSphereStage.datastore("nfs", name + "/nfs"))],
                 "vms": [\(VSphereStage.machine("web", "nfs", #", "snapshots": ["user"]"#)),
                         \(VSphereStage.machine("db", "nfs"))]}
                """
            try await VSphereStage.with(name, inventory: inventory) { stage in
                let killGuard = killGuards(stage.state)
                for step in 1...100 {
                    let call =
                        switch program {
                        case "pre-snapshot": stage.pre("s\(step)")
                        case "post-snapshot": stage.post("s\(step)")
                        default: stage.recover
                        }
                    if program != "pre-snapshot" {
                        try await need("\(stage.pre("s\(step)")) 2>/dev/null")
                        try await need(killGuard)
                        if program == "post-snapshot" { try await stage.snapshot("s\(step)") }
                    }
                    let killed = try await shell(
                        "STILLPOINT_KILL_AT=\(step) \(call.replacing(stage.lab.binaries, with: debug))")
                    // A watchdog that is just being started has not its name yet: then it owns the run, and recover
                    // leaves that alone.
                    for _ in 1...5 {
                        try await need(killGuard + "; sleep 0.05")
                        let recovered = try await shell(stage.recover)
                        #expect(
                            recovered.status == 0, "\(program), step \(step): \(killed.errors)\(recovered.errors)")
                        if try await stage.openRuns().isEmpty { break }
                    }
                    try await stage.expectNothingLeft("\(program), step \(step)")
                    let kept = try await stage.server.machines()["web"]?.all.map(\.name)
                    #expect(kept == ["user"], "\(program), step \(step)")
                    guard killed.status == 137 else {
                        print("vSphere crash matrix: \(program): \(step - 1) steps")
                        #expect(step > 2, "\(program) was never killed: \(killed.errors)")
                        break
                    }
                }
            }
        }
    }
}
