import Testing

extension RealParts {
    @Suite("When a guest cannot be quiesced")
    struct FallbackTests {
        @Test("A guest whose freeze hook takes too long is crash-consistent, gets no overlay and is not left frozen")
        func slowHook() async throws {
            let guest = Stage.Guest(name: "slow", options: "--hook-delay 4")
            try await Stage.with("slow", [guest], configuration: "agent_timeout = 2") { stage in
                let pre = try await shell("\(stage.lab.preSnapshot) \(stage.dataset)@a")
                #expect(pre.status == 0)
                #expect(
                    pre.errors.contains("crash-consistent only (quiesce: the guest did not freeze"), "\(pre.errors)")
                #expect(try await need("ls -A \(stage.lab.overlays)").isEmpty)
                let post = try await shell(
                    "zfs snapshot \(stage.dataset)@a; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.status == 0, "\(post.errors)")
                #expect(try await stage.property("consistency", of: "\(stage.dataset)@a") == "crash")
                // It writes on: nobody left it frozen.
                let before = try await stage.durable(guest, "vda")
                try await Task.sleep(for: .seconds(5))
                #expect(try await stage.durable(guest, "vda") > before)
                try await stage.expectNothingLeft()
            }
        }

        @Test("on_failure = abort undoes every guest and exits 1")
        func abort() async throws {
            let guests = [Stage.Guest(name: "good"), Stage.Guest(name: "mute", options: "--no-agent")]
            try await Stage.with("abort", guests, configuration: "strategy = quiesce\non_failure = abort") { stage in
                let pre = try await shell("\(stage.lab.preSnapshot) \(stage.dataset)@a")
                #expect(pre.status == 1, "\(pre.errors)")
                #expect(pre.errors.contains("on_failure = abort"))
                try await stage.expectNothingLeft()
                let post = try await shell("\(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.status == 0)
                #expect(post.errors.isEmpty)
            }
        }

        @Test("A guest that is off is consistent as it is; one that is paused is crash-consistent")
        func offAndPaused() async throws {
            let guests = [Stage.Guest(name: "idle", options: "--no-start"), Stage.Guest(name: "held")]
            try await Stage.with("states", guests) { stage in
                try await need("virsh suspend held")
                try await need(
                    """
                    set -e; s=\(stage.dataset)@a
                    \(stage.lab.preSnapshot) $s; zfs snapshot $s; \(stage.lab.postSnapshot) $s
                    """)
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "held=crash,idle=off")
                try await stage.expectNothingLeft()
            }
        }

        @Test("A guest that is started between pre and post is not called off")
        func startedInBetween() async throws {
            let guests = [Stage.Guest(name: "early", options: "--no-start")]
            try await Stage.with("early", guests) { stage in
                try await need(
                    """
                    set -e; s=\(stage.dataset)@a
                    \(stage.lab.preSnapshot) $s; virsh -q start early; zfs snapshot $s; \(stage.lab.postSnapshot) $s
                    """)
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "early=crash")
            }
        }

        @Test("Only the disks on the snapshotted dataset are moved")
        func otherDataset() async throws {
            let guest = Stage.Guest(name: "both", disks: 2, options: "--no-start")
            try await Stage.with("part", [guest]) { stage in
                let elsewhere = "\(stage.lab.folder)/both vdb,1.raw"
                try await need(
                    """
                    set -e
                    cp --sparse=always \(stage.image(guest, "vdb")) \(quoted(elsewhere))
                    virsh dumpxml both | sed "s#\(stage.image(guest, "vdb"))#\(elsewhere)#" > \(stage.lab.folder)/both.xml
                    virsh -q define \(stage.lab.folder)/both.xml; virsh -q start both; \(stage.lab.program) wait both
                    \(stage.lab.preSnapshot) \(stage.dataset)@a
                    """)
                let during = try await need("virsh domblklist both")
                #expect(during.contains(elsewhere))
                #expect(during.contains(stage.lab.overlays + "/both-"))
                try await need("zfs snapshot \(stage.dataset)@a")
                let post = try await shell("\(stage.lab.postSnapshot) \(stage.dataset)@a")
                #expect(post.errors.contains("both: quiesced, 1 of 1 file systems"), "\(post.errors)")
                let after = try await need("virsh domblklist both")
                #expect(after.contains(stage.image(guest, "vda")))
                #expect(after.contains(elsewhere))
            }
        }
    }
}
