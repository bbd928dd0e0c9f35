import Glibc
import Testing

extension RealParts {
    @Suite("A libvirtd that sees the storage at other paths", .serialized)
    struct RemoteHypervisorTests {
        /// Bash: the end of the run's watchdog, so that nobody but the command that follows releases.
        private static let noWatchdog = "pkill -9 -f '^stillpoint-watchdog' || true; sleep 0.05"

        @Test("has its guest quiesced and released by its own storage API, beside a guest of this host")
        func cycle() async throws {
            try await RemoteStage.with("far", [Stage.Guest(name: "near1")], guest: "far1", disks: 2) { remote in
                let stage = remote.stage
                // RAM is not dumped to another host's file.
                try await stage.set(remote.configuration(lines: "[vm far1]\nstrategy = memory, quiesce"))
                let snapshot = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(snapshot)")
                #expect(try await remote.sources().allSatisfy { $0.hasPrefix(remote.overlays + "/far1-") })
                #expect(try await remote.overlayFiles().count == 2)
                // Nothing of it is in this namespace, whose own guest has its overlay here.
                #expect(try await need("ls -A \(remote.overlays)").isEmpty)
                #expect(try await need("ls \(stage.lab.overlays)").split(separator: "\n").count == 1)
                let second = try await shell("\(stage.lab.preSnapshot) --deadline 2 \(stage.dataset)@b")
                #expect(second.status == 0 && second.errors.contains("far1: stale"), "\(second.errors)")
                let post = try await shell("zfs snapshot \(snapshot); \(stage.lab.postSnapshot) \(snapshot)")
                #expect(post.status == 0, "\(post.errors)")
                #expect(post.errors.contains("another host"), "\(post.errors)")
                #expect(try await stage.property("vms", of: snapshot) == "far1=quiesced,near1=quiesced")
                let clone = "/\(stage.lab.pool)/farlook"
                try await need("zfs clone \(snapshot) \(clone.dropFirst())")
                #expect(try await shell("\(stage.lab.program) clean-fs \(clone)/far1-vda.raw").status == 0)
                #expect(try await need("\(stage.lab.program) marks \(clone)/far1-vda.raw").contains("FREEZE"))
                try await destroy(String(clone.dropFirst()))
                _ = try await shell("\(stage.lab.postSnapshot) \(stage.dataset)@b")
                try await remote.expectNothingLeft()

                let check = try await shell("\(stage.stillpoint) check")
                #expect(
                    (check.output + check.errors).contains("path_map = /nowhere=/\(stage.dataset)2 covers no disk"),
                    "\(check.output)\(check.errors)")
                #expect(check.output.contains("[SP110]"), "\(check.output)")
                // A folder that the snapshot would take is refused before anything is touched.
                try await stage.set(remote.configuration(overlays: remote.there))
                let refused = try await shell("\(stage.lab.preSnapshot) \(stage.dataset)@c")
                #expect(refused.status == 2, "\(refused.errors)")
                #expect(refused.errors.contains("which is snapshotted"), "\(refused.errors)")
                // One that is not there costs its own guests their consistency, and no others.
                try await stage.set(remote.configuration(overlays: "/nowhere"))
                let missing = try await need(
                    "\(stage.lab.preSnapshot) \(stage.dataset)@d 2>&1; zfs snapshot \(stage.dataset)@d; \(stage.lab.postSnapshot) \(stage.dataset)@d 2>&1"
                )
                #expect(missing.contains("install -d -m 0711 /nowhere"), "\(missing)")
                #expect(
                    try await stage.property("vms", of: "\(stage.dataset)@d")
                        == "far1=crash:overlay-failed,near1=quiesced")
                // So does one that is full.
                try await stage.set(remote.configuration(overlays: try await remote.fullFolder()))
                let full = try await need(
                    """
                    s=\(stage.dataset)@e; \(stage.lab.preSnapshot) $s 2>&1; zfs snapshot $s; \(stage.lab.postSnapshot) $s 2>&1
                    """
                )
                #expect(full.contains("MiB free, 8 MiB are needed"), "\(full)")
                let restore = try await shell("\(stage.stillpoint) restore \(snapshot) --vm far1 --as far2")
                #expect(restore.status != 0 && restore.errors.contains("restore by hand"), "\(restore.errors)")
                try await stage.set(remote.configuration)
                try await remote.expectNothingLeft()
                try await remote.expectNoLostWrite()
            }
        }

        @Test("that dies in the window keeps its run open, and no other guest on its overlay, until it is back")
        func death() async throws {
            try await RemoteStage.with("fardeath", [Stage.Guest(name: "near2")], guest: "far3") { remote in
                let stage = remote.stage
                let snapshot = "\(stage.dataset)@a"
                let dead = try await shell(
                    """
                    \(stage.lab.preSnapshot) \(snapshot) && zfs snapshot \(snapshot); \(Self.noWatchdog)
                    \(remote.kill); \(stage.lab.postSnapshot) \(snapshot)
                    """)
                #expect(dead.status == 3, "\(dead.errors)")
                #expect(try await need("ls \(stage.lab.runs)/*.json").split(separator: "\n").count == 1)
                #expect(try await need("virsh domblklist near2").contains(stage.image(stage.guests[0], "vda")))
                // Without it the next snapshot is taken all the same, and says so.
                let next = try await shell("\(stage.lab.preSnapshot) --deadline 4 \(stage.dataset)@b")
                #expect(next.status == 0 && next.errors.contains("cannot be reached"), "\(next.errors)")
                try await need(
                    """
                    \(remote.restart); \(Self.noWatchdog)
                    for i in $(seq 20); do
                        \(stage.stillpoint) recover && [ -z "$(ls -A \(stage.lab.runs))" ] && exit; sleep 0.5
                    done; exit 1
                    """)
                #expect(try await stage.property("vms", of: snapshot) == "far3=quiesced,near2=quiesced")
                try await remote.expectNothingLeft()

                // One that hangs is not waited for longer than the manager waits, and holds up nobody.
                let hung = try await shell(
                    """
                    kill -STOP \(remote.daemon); \(stage.lab.preSnapshot) --deadline 5 \(stage.dataset)@c; code=$?
                    kill -CONT \(remote.daemon); zfs snapshot \(stage.dataset)@c; \(stage.lab.postSnapshot) \(stage.dataset)@c
                    exit $code
                    """)
                #expect(hung.status == 0, "\(hung.errors)")
                #expect(try await stage.property("vms", of: "\(stage.dataset)@c") == "near2=quiesced")
                try await remote.expectNothingLeft()
                try await remote.expectNoLostWrite()
            }
        }

        @Test(
            "has what a killed hook left released by recovery, and an overlay without a commit left with the commands")
        func kills() async throws {
            let lab = try #require(Lab.here)
            let debug = try #require(lab.debugBinaries)
            try await RemoteStage.with("farkill", guest: "far4") { remote in
                let stage = remote.stage
                var number = 0
                // Every step takes minutes; CI takes some, by chance.
                let stepWidth = getenv("CI") == nil ? 1 : 6
                for program in ["pre-snapshot", "post-snapshot"] {
                    for step in stride(from: Int.random(in: 1...stepWidth), through: 60, by: stepWidth) {
                        number += 1
                        let snapshot = "\(stage.dataset)@\(number)"
                        let before =
                            program == "pre-snapshot"
                            ? "true"
                            : "\(lab.preSnapshot) \(snapshot) && zfs snapshot \(snapshot) && { \(Self.noWatchdog); }"
                        let outcome = try await shell(
                            "\(before) && STILLPOINT_KILL_AT=\(step) \(debug)/\(program) \(snapshot)")
                        let recovered = try await shell("\(Self.noWatchdog); \(stage.stillpoint) recover")
                        #expect(recovered.status == 0, "\(program), \(step): \(outcome.errors)\(recovered.errors)")
                        if outcome.status != 137 {
                            // One whose post is still to come is not recovery's.
                            _ = try await shell("\(lab.postSnapshot) \(snapshot)")
                            print("remote: \(program) killed up to step \(step), at one of \(stepWidth) each")
                            #expect(step > stepWidth)
                            break
                        }
                        try await remote.expectNothingLeft()
                    }
                    try await remote.expectNothingLeft()
                }

                // A run whose state file is lost is known by libvirt's snapshot and by what the overlay lies on.
                try await need("\(lab.preSnapshot) \(stage.dataset)@lost; \(Self.noWatchdog); rm \(lab.runs)/*")
                let named = try await shell("\(stage.stillpoint) recover")
                #expect(named.status == 3 && named.errors.contains("recover --adopt"), "\(named.errors)")
                #expect(try await remote.overlayFiles().count == 1)
                let adopted = try await shell("\(stage.stillpoint) recover --adopt")
                #expect(adopted.status == 0, "\(adopted.errors)")
                try await remote.expectNothingLeft()

                let snapshot = "\(stage.dataset)@off"
                try await need("\(lab.preSnapshot) \(snapshot) && zfs snapshot \(snapshot); \(Self.noWatchdog)")
                // What it writes when it stops is on the overlay alone, which no qemu-img of ours can reach. Its folder is no
                // pool any more either, as after a start of its host.
                try await remote.shutDown()
                try await need(
                    "for p in $(\(remote.virsh) pool-list --name); do \(remote.virsh) pool-destroy $p; done")
                let post = try await shell("\(lab.postSnapshot) \(snapshot)")
                #expect(post.status == 3, "\(post.errors)")
                for word in ["virsh start far4", "qemu-img commit", "[hypervisor far]"] {
                    #expect(post.errors.contains(word), "\(post.errors)")
                }
                #expect(try await remote.overlayFiles().count == 1)
                let recovered = try await shell(
                    """
                    \(remote.virsh) start far4; \(remote.environment); \(lab.program) wait far4
                    \(stage.stillpoint) recover
                    """)
                #expect(recovered.status == 0, "\(recovered.errors)")
                #expect(try await stage.property("vms", of: snapshot) == "far4=quiesced")
                try await remote.expectNothingLeft()
                try await remote.expectNoLostWrite()
            }
        }
    }
}
