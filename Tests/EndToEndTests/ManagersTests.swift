import Testing

extension RealParts {
    @Suite("Every manager drives the same guests")
    struct ManagersTests {
        private let guests = [Stage.Guest(name: "kept"), Stage.Guest(name: "quiet")]

        /// The guests are on `many/vms`, below what the managers are told of.
        private func with(_ name: String, _ body: (Stage) async throws -> Void) async throws {
            let policy = "[vm quiet]\nstrategy = quiesce, crash-consistent"
            try await Stage.withMemory("\(name)/vms", guests, more: policy, body)
            let lab = try #require(Lab.here)
            try await need("for i in $(seq 20); do zfs destroy -r \(lab.pool)/\(name) && break; sleep 0.2; done")
        }

        /// Has a manager take snapshots: each new one holds what the guests had proved durable, and says what each VM got.
        /// - Parameter command: bash.
        @discardableResult
        private func drive(_ stage: Stage, _ manager: String, _ count: Int, _ command: String) async throws -> Outcome {
            let before = Set(try await stage.snapshots())
            var durable: [String: Int] = [:]
            for guest in guests { durable[guest.name] = try await stage.durable(guest, "vda") }
            let said = try await shell(command)
            #expect(said.status == 0, "\(manager): \(said.output)\(said.errors)")
            let snapshots = try await stage.snapshots().filter { !before.contains($0) }
            #expect(snapshots.count == count, "\(manager): \(snapshots) \(said.output)\(said.errors)")
            for snapshot in snapshots {
                #expect(
                    try await stage.property("vms", of: snapshot) == "kept=memory,quiet=quiesced",
                    "\(manager): \(said.output)\(said.errors)")
                #expect(try await stage.property("consistency", of: snapshot) == "quiesced")
                try await stage.expectConsistency(of: snapshot, quiesced: ["quiet"])
                let clone = "\(stage.lab.pool)/durable"
                try await need("zfs clone \(snapshot) \(clone)")
                for guest in guests {
                    let image = stage.image(guest, "vda", in: "/" + clone)
                    let records = Int(try await need("\(stage.lab.program) records \(image)")) ?? 0
                    #expect(records >= durable[guest.name] ?? .max && records > 0, "\(manager)")
                }
                try await destroy(clone)
            }
            try await stage.expectNothingLeftButDumps()
            return said
        }

        /// Both hooks and the snapshot between, with a manager's variables and no others but a daemon's own.
        private func hooks(_ lab: Lab, _ pre: String, _ post: String, snapshot: String) -> String {
            let surroundings = "env -i PATH=\"$PATH\" LANG=C.UTF-8 TZ=UTC"
            return """
                \(surroundings) \(pre) \(lab.preSnapshot) || exit
                \(snapshot)
                \(surroundings) \(post) \(lab.postSnapshot)
                """
        }

        @Test("sanoid, zfs-auto-snapshot and zfs-autobackup themselves; zrepl and znapzend by all that they set")
        func inTurn() async throws {
            try await with("many") { stage in
                let (lab, dataset) = (stage.lab, stage.dataset)
                try await sanoid(stage, "\(lab.pool)/many")
                try await drive(
                    stage, "zfs-auto-snapshot", 1,
                    """
                    zfs-auto-snapshot --label=test --keep=3 --pre-snapshot=\(lab.preSnapshot) \
                        --post-snapshot=\(lab.postSnapshot) \(dataset)
                    """)
                let said = try await drive(
                    stage, "zfs-autobackup", 1,
                    """
                    zfs set autobackup:lab=true \(dataset) && zfs-autobackup --verbose --allow-empty \
                        --pre-snapshot-cmd '\(lab.preSnapshot) -r \(lab.pool)/many' \
                        --post-snapshot-cmd '\(lab.postSnapshot) -r \(lab.pool)/many' lab
                    """)
                // It shows what its commands say.
                #expect((said.output + said.errors).contains("stillpoint: quiet: quiesced"))
                try await zrepl(stage)
                try await znapzend(stage)
            }
        }

        /// Of the parent alone its hooks are told, and that all below is taken along only by the sanoid.conf that `--configdir`
        /// names, in a folder that is none of ours.
        private func sanoid(_ stage: Stage, _ parent: String) async throws {
            let lab = stage.lab
            try await drive(
                stage, "sanoid", 2,
                """
                mkdir -p \(lab.folder)/elsewhere && cd \(lab.folder)
                cat > elsewhere/sanoid.conf <<'C'
                [\(parent)]
                use_template = hooked
                recursive = zfs
                [template_hooked]
                daily = 7
                hourly = 24
                monthly = 0
                autosnap = yes
                autoprune = no
                pre_snapshot_script = \(lab.preSnapshot)
                post_snapshot_script = \(lab.postSnapshot)
                script_timeout = 60
                C
                cp /usr/share/sanoid/sanoid.defaults.conf elsewhere/ 2>/dev/null || true
                sanoid --take-snapshots --force-update --configdir elsewhere
                """)
        }

        private func zrepl(_ stage: Stage) async throws {
            let name = "zrepl_20261129_010000_000"
            func variables(_ type: String, _ dryRun: String) -> String {
                "ZREPL_HOOKTYPE=\(type) ZREPL_DRYRUN=\(dryRun) ZREPL_FS=\(stage.dataset) ZREPL_SNAPNAME=\(name) ZREPL_TIMEOUT=120"
            }
            let tried = try await drive(
                stage, "zrepl, dry run", 0,
                hooks(
                    stage.lab, variables("pre_snapshot", "true"), variables("post_snapshot", "true"),
                    snapshot: "ls -A \(stage.lab.runs); virsh domblklist quiet"))
            #expect(tried.errors.contains("would freeze quiet (vda): quiesce, else crash-consistent"))
            #expect(tried.output.contains(stage.image(guests[1], "vda")) && !tried.output.contains(".json"))
            try await drive(
                stage, "zrepl", 1,
                hooks(
                    stage.lab, variables("pre_snapshot", ""), variables("post_snapshot", ""),
                    snapshot: "zfs snapshot \(stage.dataset)@\(name)"))
        }

        private func znapzend(_ stage: Stage) async throws {
            let name = "\(stage.lab.pool)/many@2026-11-29-010000"
            let variables = "ZNAP_NAME=\(name) ZNAP_TIME=1795914000"
            try await drive(
                stage, "znapzend", 1,
                hooks(stage.lab, variables, variables, snapshot: "zfs snapshot -r \(name)"))
            // It calls its commands also with --noaction, and takes no snapshot then.
            let other = "ZNAP_NAME=\(stage.lab.pool)/many@2026-11-29-020000 ZNAP_TIME=1795917600"
            let tried = try await shell(hooks(stage.lab, other, other, snapshot: ":"))
            #expect(tried.status == 1 && tried.errors.contains("no snapshot was taken"))
            try await stage.expectNothingLeftButDumps()
        }
    }

    @Suite("stillpoint snapshot, on real guests")
    struct SnapshotCommandTests {
        private let guests = [
            Stage.Guest(name: "slow", options: "--hook-delay 2"), Stage.Guest(name: "silent", options: "--no-agent"),
        ]

        /// Bash: `ask` is a zfs whose `snapshot` leaves a mark, and waits as long as one more file is there.
        private func slowZFS(_ stage: Stage) -> String {
            """
            mkdir -p \(stage.lab.folder)/slow; cd \(stage.lab.folder); rm -f asked; touch waiting
            cat > slow/zfs <<Z
            #!/bin/sh
            if [ "\\$1" = snapshot ]; then
                touch \(stage.lab.folder)/asked
                for i in \\$(seq 300); do [ -e \(stage.lab.folder)/waiting ] || break; sleep 0.1; done
                [ -e \(stage.lab.folder)/waiting ] && exit 1
            fi
            exec $(command -v zfs) "\\$@"
            Z
            chmod +x slow/zfs
            """
        }

        @Test("freezes, takes and releases; a name that is taken is refused before a guest is touched")
        func cycle() async throws {
            try await Stage.with("upgrade", guests) { stage in
                let before = try await stage.durable(guests[0], "vda")
                let snapshot = "\(stage.dataset)@before"
                let said = try await shell("\(stage.stillpoint) snapshot -r \(snapshot)")
                #expect(said.status == 0, "\(said.errors)")
                #expect(said.errors.contains("stillpoint: slow: quiesced, 1 of 1 file systems"))
                #expect(said.errors.hasSuffix("stillpoint: taken: \(snapshot)\n"), "\(said.errors)")
                #expect(try await stage.property("vms", of: snapshot) == "silent=crash:agent-missing,slow=quiesced")
                try await stage.expectConsistency(of: snapshot, quiesced: ["slow"])
                try await need("zfs clone \(snapshot) \(stage.lab.pool)/upgraded")
                let image = stage.image(guests[0], "vda", in: "/\(stage.lab.pool)/upgraded")
                #expect(Int(try await need("\(stage.lab.program) records \(image)")) ?? 0 >= before)
                try await destroy("\(stage.lab.pool)/upgraded")
                let windows = try await need("\(stage.lab.program) frozen slow | wc -l")
                let again = try await shell("\(stage.stillpoint) snapshot \(snapshot)")
                #expect(again.status == 2 && again.errors.contains("there already: \(snapshot)"), "\(again.errors)")
                #expect(try await need("\(stage.lab.program) frozen slow | wc -l") == windows)
                try await stage.expectNothingLeft()

                try await killed(stage)
                try await asked(stage)
            }
        }

        /// kill -9 while zfs takes its time: the watchdog releases at once, since its manager is gone.
        private func killed(_ stage: Stage) async throws {
            try await need(
                """
                \(slowZFS(stage))
                PATH=\(stage.lab.folder)/slow:$PATH \(stage.stillpoint) snapshot \(stage.dataset)@killed 2>killed.log &
                for i in $(seq 200); do [ -e asked ] && break; sleep 0.1; done
                [ -n "$(ls -A \(stage.lab.overlays))" ] || exit 1
                kill -9 $!
                for i in $(seq 100); do [ -z "$(ls -A \(stage.lab.runs))" ] && break; sleep 0.2; done
                [ -z "$(ls -A \(stage.lab.runs))" ]; status=$?
                rm waiting; for i in $(seq 50); do zfs list \(stage.dataset)@killed 2>/dev/null && break; sleep 0.1; done
                exit $status
                """)
            #expect(try await stage.property("vms", of: "\(stage.dataset)@killed") == "-")
            try await stage.expectNothingLeft()
        }

        /// SIGTERM, while the guest prepares: it is released, no snapshot is taken; while zfs is at work: both are done.
        private func asked(_ stage: Stage) async throws {
            let early = try await shell(
                """
                \(stage.stillpoint) snapshot \(stage.dataset)@early &
                for i in $(seq 100); do [ -n "$(ls -A \(stage.lab.runs))" ] && break; sleep 0.1; done
                sleep 0.3; kill -TERM $!; wait $!
                """)
            #expect(early.status == 1 && early.errors.contains("asked to end: no snapshot is taken"), "\(early.errors)")
            try await stage.expectNothingLeft()
            let late = try await shell(
                """
                \(slowZFS(stage))
                PATH=\(stage.lab.folder)/slow:$PATH \(stage.stillpoint) snapshot \(stage.dataset)@late &
                for i in $(seq 200); do [ -e asked ] && break; sleep 0.1; done
                kill -TERM $!; sleep 0.3; rm waiting; wait $!
                """)
            #expect(late.status == 0 && late.errors.contains("taken: \(stage.dataset)@late"), "\(late.errors)")
            #expect(
                try await stage.property("vms", of: "\(stage.dataset)@late")
                    == "silent=crash:agent-missing,slow=quiesced")
            #expect(try await stage.snapshots().allSatisfy { !$0.hasSuffix("@early") })
            try await stage.expectNothingLeft()
        }
    }
}
