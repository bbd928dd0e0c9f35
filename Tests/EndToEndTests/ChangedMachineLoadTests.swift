import Testing

extension RealParts {
    @Suite("A VM that writes more than was thought")
    struct ChangedMachineLoadTests {
        private func fill(_ stage: Stage, _ guest: Stage.Guest, _ small: String) async throws {
            try await stage.change(
                guest,
                """
                mkdir -p \(small); mount -t tmpfs -o mode=0755,size=20M small \(small)
                printf '[stillpoint]\\noverlay_dir = \(small)\\n' > \(stage.lab.configuration)
                # tmpfs has no O_DIRECT before Linux 6.6.
                virsh dumpxml $n | sed s/cache=.none./cache="'writeback'"/ > \(stage.lab.folder)/full.xml
                virsh -q define \(stage.lab.folder)/full.xml; virsh -q start $n; $LAB wait $n
                \(stage.lab.preSnapshot) \(stage.dataset)@a
                """)
        }

        @Test("fills its overlay's storage: it is resumed on its own disk")
        func fullStorage() async throws {
            let guest = Stage.Guest(name: "full", options: "--no-start --size 256M --flood 100")
            try await Stage.with("changed-full", [guest]) { stage in
                let small = "\(stage.lab.folder)/full-overlays"
                let s = "\(stage.dataset)@a"
                try await fill(stage, guest, small)
                try await stage.change(
                    guest,
                    """
                    # The guard would come before QEMU has to pause the guest.
                    pkill -9 -f '^stillpoint-watchdog'
                    for i in $(seq 200); do virsh domstate --reason $n | grep -q I/O && break; sleep 0.1; done
                    virsh domstate --reason $n | grep -q I/O
                    """)
                let post = try await shell("zfs snapshot \(s); \(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 0, "\(post.errors)")
                #expect(post.errors.contains("QEMU had paused the guest"), "\(post.errors)")
                try await expectRunning(stage, guest, small)
            }
        }

        @Test("fills its overlay's storage and post never comes: the watchdog resumes it on its own disk")
        func guarded() async throws {
            let guest = Stage.Guest(name: "full", options: "--no-start --size 256M --flood 100")
            try await Stage.with("guarded-full", [guest]) { stage in
                let small = "\(stage.lab.folder)/guarded-overlays"
                try await fill(stage, guest, small)
                try await need("for i in $(seq 300); do [ -z \"$(ls -A \(small))\" ] && exit; sleep 0.1; done; exit 1")
                try await need(
                    "zfs snapshot \(stage.dataset)@a 2>/dev/null || true; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                try await expectRunning(stage, guest, small)
            }
        }

        private func expectRunning(_ stage: Stage, _ guest: Stage.Guest, _ small: String) async throws {
            #expect(try await need("virsh domstate full").hasPrefix("running"))
            #expect(try await need("virsh domblklist full").contains(stage.image(guest, "vda")))
            #expect(try await need("ls -A \(small); ls -A \(stage.lab.runs)").isEmpty)
            try await stage.expectAllThere(guest)
            try await need("umount \(small)")
        }

        @Test("faster than its commit can follow: it is paused for the last stretch, and told for how long")
        func behind() async throws {
            let guest = Stage.Guest(name: "fast", options: "--flood 8")
            try await Stage.with("changed-fast", [guest], configuration: "commit_timeout = 4") { stage in
                let s = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(s)")
                try await stage.change(
                    guest, "zfs snapshot \(s); virsh -q blockcommit $n vda --active --shallow --bandwidth 1")
                let post = try await shell("\(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 0, "\(post.errors)")
                #expect(
                    post.errors.contains("did not catch up with the guest within 4 s, so the guest was paused for"),
                    "\(post.errors)")
                #expect(try await need("virsh domstate fast").hasPrefix("running"))
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }

        @Test("while it is committed libvirtd is killed and started again")
        func daemonKilled() async throws {
            let guest = Stage.Guest(name: "orphan", options: "--flood 8")
            try await Stage.with("changed-daemon", [guest], configuration: "commit_timeout = 5") { stage in
                let s = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(s)")
                try await stage.change(
                    guest, "zfs snapshot \(s); virsh -q blockcommit $n vda --active --shallow --bandwidth 1")
                let post = try await shell(
                    """
                    zfs snapshot \(s) 2>/dev/null || true; \(stage.lab.postSnapshot) \(s) & post=$!
                    sleep 2; pid=$(cat /run/libvirtd.pid); kill -9 $pid; while kill -0 $pid 2>/dev/null; do sleep 0.05; done
                    unshare --net libvirtd -d -p /run/libvirtd.pid >/dev/null 2>&1
                    until virsh -q list >/dev/null 2>&1; do sleep 0.1; done
                    wait $post || { echo again; zfs snapshot \(s) 2>/dev/null || true; \(stage.lab.postSnapshot) \(s); }
                    """)
                #expect(post.status == 0, "\(post.output)\(post.errors)")
                #expect(try await need("virsh domstate orphan").hasPrefix("running"))
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }

        @Test("and was left paused by a release that was killed: it is resumed")
        func leftPaused() async throws {
            let guest = Stage.Guest(name: "still")
            try await Stage.with("changed-still", [guest], configuration: "commit_timeout = 4") { stage in
                let s = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(s)")
                try await stage.change(
                    guest,
                    """
                    zfs snapshot \(s)
                    sed -i 's/"pausedByUs": *false/"pausedByUs": true/; s/"step": *"held"/"step": "releasing"/' \
                        \(stage.lab.runs)/*.json
                    grep -q '"pausedByUs": *true' \(stage.lab.runs)/*.json
                    virsh -q blockcommit $n vda --active --shallow; virsh -q suspend $n
                    """)
                let post = try await shell("zfs snapshot \(s) 2>/dev/null || true; \(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 0, "\(post.errors)")
                #expect(try await need("virsh domstate still").hasPrefix("running"))
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }
    }
}
