import Testing

extension RealParts {
    @Suite("A VM whose disks change between pre and post")
    struct ChangedMachineDiskTests {
        private let pair = Stage.Guest(name: "pair", disks: 2)

        /// One cycle with `script` in it; gives what post said.
        private func cycle(_ stage: Stage, _ guest: Stage.Guest, _ script: String, status: Int32 = 0) async throws
            -> String
        {
            let snapshot = "\(stage.dataset)@a"
            try await need("\(stage.lab.preSnapshot) \(snapshot)")
            try await Task.sleep(for: .seconds(1))
            try await stage.change(guest, script)
            let post = try await shell("zfs snapshot \(snapshot); \(stage.lab.postSnapshot) \(snapshot)")
            #expect(post.status == status, "\(post.errors)")
            return post.errors
        }

        @Test("one is detached, one is added: the first is committed, the second not touched")
        func detached() async throws {
            try await Stage.with("changed-detach", [pair]) { stage in
                let said = try await cycle(
                    stage, pair,
                    """
                    truncate -s 8M \(stage.lab.folder)/added.raw
                    virsh -q attach-disk $n \(stage.lab.folder)/added.raw vdc --live
                    virsh -q detach-disk $n vdb --live --config
                    while virsh domblklist $n | grep -q vdb; do sleep 0.1; done
                    """)
                #expect(
                    said.contains("vdb: the disk was detached, so qemu-img committed the overlay into /"), "\(said)")
                let disks = try await need("virsh domblklist pair")
                #expect(disks.contains(stage.image(pair, "vda")))
                #expect(disks.contains("/added.raw"))
                #expect(try await need("ls -A \(stage.lab.overlays); ls -A \(stage.lab.runs)").isEmpty)
                try await stage.expectAllThere(pair)
            }
        }

        @Test("one is detached until the next start: committed, and its definition names its base again")
        func detachedLive() async throws {
            try await Stage.with("changed-live", [pair]) { stage in
                let said = try await cycle(
                    stage, pair,
                    """
                    virsh -q detach-disk $n vdb --live
                    while virsh domblklist $n | grep -q vdb; do sleep 0.1; done
                    """)
                #expect(
                    said.contains("vdb: the disk was detached, so qemu-img committed the overlay; its def"), "\(said)")
                try await need("virsh -q destroy pair")
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(pair)
            }
        }

        @Test("a snapshot of somebody else's lies on top", arguments: [true, false])
        func snapshotOnTop(isOn: Bool) async throws {
            let guest = Stage.Guest(name: "theirs")
            try await Stage.with("changed-theirs", [guest]) { stage in
                let top = "/\(stage.dataset)/their own.qcow2"
                let said = try await cycle(
                    stage, guest,
                    """
                    virsh -q snapshot-create-as $n theirs --disk-only --diskspec vda,file=\(quoted(top))
                    sleep 1; \(isOn ? "true" : "virsh -q destroy $n")
                    """)
                #expect(said.contains("\(top), which somebody made over the overlay, now lies on /"), "\(said)")
                #expect(try await need("virsh domblklist theirs").contains(top))
                #expect(try await need("qemu-img info -U \(quoted(top))").contains(stage.image(guest, "vda")))
                #expect(try await need("ls -A \(stage.lab.overlays); ls -A \(stage.lab.runs)").isEmpty)
                #expect(try await need("virsh snapshot-list --name theirs").trimmed == "theirs")
                #expect(try await need("virsh snapshot-current --name theirs") == "theirs")
                // What it would be reverted to is on the disk that is there.
                let kept = try await need("virsh snapshot-dumpxml theirs theirs")
                #expect(!kept.contains(stage.lab.overlays) && kept.contains(stage.image(guest, "vda")), "\(kept)")
                // It starts, and has all that it wrote.
                if !isOn { try await need("virsh -q start theirs; \(stage.lab.program) wait theirs") }
                let known = try await stage.durable(guest, "vda")
                try await need("virsh -q destroy theirs")
                #expect(Int(try await need("\(stage.lab.program) records \(quoted(top))")) ?? 0 >= known)
            }
        }

        @Test("a commit was left by a killed release, running, ready, or aborted by somebody")
        func commitLeft() async throws {
            try await Stage.expectReleased(
                "changed-job",
                [
                    // So slow that the guest outruns it.
                    Change(
                        "started", "virsh -q blockcommit $n vda --active --shallow --bandwidth 1",
                        note: "so the guest was paused for"),
                    Change(
                        "ready",
                        """
                        virsh -q blockcommit $n vda --active --shallow
                        until virsh dumpxml $n | grep -q "ready='yes'"; do sleep 0.1; done
                        """),
                    Change("aborted", "virsh -q blockcommit $n vda --active --wait; virsh -q blockjob $n vda --abort"),
                    Change(
                        "asleep", "virsh -q blockcommit $n vda --active --shallow; virsh -q suspend $n", state: "paused"
                    ),
                ], configuration: "commit_timeout = 5")
        }

        @Test(
            "one disk was pivoted by a killed release, or only about to be, the other was not",
            arguments: ["virsh -q blockcommit $n vda --active --shallow --wait --pivot", "true"])
        func halfPivoted(pivot: String) async throws {
            try await Stage.with("changed-half", [pair]) { stage in
                let said = try await cycle(
                    stage, pair,
                    """
                    sed -i 's/"step": *"held"/"step": "releasing"/
                        s/"target": *"vda"/"reached": "pivotRequested", &/' \(stage.lab.runs)/*.json
                    grep -q '"step": *"releasing"' \(stage.lab.runs)/*.json
                    grep -q '"pivotRequested"' \(stage.lab.runs)/*.json
                    \(pivot)
                    """)
                #expect(said.contains("pair: quiesced"), "\(said)")
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(pair)
            }
        }

        @Test("somebody put it back on its base by hand: the overlay is left until it is deleted by hand")
        func backByHand() async throws {
            let guest = Stage.Guest(name: "byhand")
            try await Stage.with("changed-hand", [guest]) { stage in
                let said = try await cycle(
                    stage, guest, "virsh -q blockcommit $n vda --active --shallow --wait --pivot", status: 3)
                #expect(said.contains("delete the overlay"), "\(said)")
                try await need(
                    "rm \(stage.lab.overlays)/byhand-*.qcow2; zfs snapshot \(stage.dataset)@a 2>/dev/null || true; \(stage.lab.postSnapshot) \(stage.dataset)@a"
                )
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }

        @Test("a copy by somebody else is waited for, and when it does not end the VM is left on its overlay")
        func otherJob() async throws {
            let guest = Stage.Guest(name: "copied")
            try await Stage.with("changed-copy", [guest], configuration: "commit_timeout = 3") { stage in
                let copy = "virsh -q blockcopy $n vda \(stage.lab.folder)/copy.qcow2 --transient-job"
                let said = try await cycle(stage, guest, copy, status: 3)
                #expect(said.contains("somebody else's block job on vda did not end within 3 s"), "\(said)")
                try await need(
                    "(sleep 1; virsh -q blockjob copied vda --abort) & zfs snapshot \(stage.dataset)@a 2>/dev/null || true; \(stage.lab.postSnapshot) \(stage.dataset)@a"
                )
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }
    }
}

extension String {
    fileprivate var trimmed: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
