import Testing

extension RealParts {
    @Suite("RAM dumps on their way to cold storage")
    struct ArchiveTests {
        @Test("an archiving killed at ten moments is finished by recover, and every dump is the one that libvirt wrote")
        func killed() async throws {
            try await Stage.withMemory("killed", [Stage.Guest(name: "killed")]) { stage in
                var interrupted = 0
                for round in 1...10 {
                    let snapshot = "\(stage.dataset)@\(round)"
                    try await need("\(stage.lab.preSnapshot) \(snapshot) && zfs snapshot \(snapshot)")
                    let dump = try await need("ls \(stage.lab.overlays)/*.ram")
                    let original = try await need("sha256sum < \(dump)")
                    let killed = try await shell(
                        """
                        zfs snapshot \(snapshot) 2>/dev/null || true; \(stage.lab.postSnapshot) \(snapshot)
                        sleep 0.\(round * 3 < 10 ? "0\(round * 3)" : "\(round * 3)")
                        kill -9 $(pgrep -f '^\(stage.stillpoint) archive')
                        sleep 0.05; test -e \(dump)
                        """)
                    interrupted += killed.status == 0 ? 1 : 0
                    let recovered = try await shell("\(stage.stillpoint) recover")
                    #expect(recovered.status == 0, "\(recovered.errors)")
                    #expect(try await need("ls -A \(stage.lab.overlays)").isEmpty)
                    let run = try await stage.property("run", of: snapshot)
                    let cold = "\(stage.cold)/\(stage.dataset)/killed/\(run).ram"
                    #expect(try await need("zstd -dcq < \(cold) | sha256sum") == original)
                    let sideCar = try await need("cat \(cold.dropLast(4)).json")
                    #expect(sideCar.contains(original.prefix(64)))
                }
                #expect(interrupted >= 3, "only \(interrupted) of 10 were killed in time")
                #expect(try await need("find \(stage.cold) -name '*.part'").isEmpty)
            }
        }

        @Test("Full or missing cold storage: the dump stays where it is, the listing says why, a later try succeeds")
        func noRoom() async throws {
            try await Stage.withMemory("full", [Stage.Guest(name: "full")]) { stage in
                try await need("mount -t tmpfs -o mode=0755,size=8M tmpfs \(stage.cold)")
                try await stage.cycle("a")
                try await stage.awaitArchiver()
                let full = try await shell("\(stage.stillpoint) archive")
                #expect(full.status == 3 && full.errors.contains("not in cold storage"), "\(full.errors)")
                try await need("test -s \(stage.lab.overlays)/full-*.ram")
                #expect(try await need("find \(stage.cold) -name '*.ram*'").isEmpty)
                #expect(try await need("\(stage.stillpoint) list").contains("ram_dir (not archived)"))
                try await need("umount \(stage.cold); rmdir \(stage.cold)")
                let missing = try await shell("\(stage.stillpoint) archive")
                #expect(missing.status == 3 && missing.errors.contains("mount it"), "\(missing.errors)")
                try await need("mkdir \(stage.cold)")
                #expect(try await stage.archivedDumps().count == 1)
                #expect(try await need("\(stage.stillpoint) list").contains(" cold_storage "))
                #expect(try await need("ls -A \(stage.lab.overlays)").isEmpty)
            }
        }

        @Test("A dataset received by another pool, its own pool exported, comes to life with a copy of cold storage")
        func replica() async throws {
            let lab = try #require(Lab.here)
            func cleanUp() async {
                _ = try? await shell(
                    """
                    for vm in far near; do virsh destroy $vm; virsh undefine $vm; done
                    zpool destroy -f two; zpool import -d \(lab.folder) one; zpool destroy -f one
                    rm -rf \(lab.folder)/one.img \(lab.folder)/two.img \(lab.folder)/cold.elsewhere
                    """)
            }
            do {
                try await Stage.withMemory("unused", []) { try await expectReplica($0, lab) }
            } catch {
                await cleanUp()
                throw error
            }
            await cleanUp()
        }

        private func expectReplica(_ stage: Stage, _ lab: Lab) async throws {
            let (one, two) = ("\(lab.folder)/one.img", "\(lab.folder)/two.img")
            try await need(
                """
                truncate -s 1G \(one) \(two); zpool create -m /one one \(one); zpool create -m /two two \(two)
                LAB_POOL=one \(lab.program) dataset VM
                LAB_POOL=one \(lab.program) guest far --dataset VM; \(lab.program) wait far
                \(lab.preSnapshot) one/VM@a && zfs snapshot one/VM@a && \(lab.postSnapshot) one/VM@a
                \(stage.stillpoint) archive
                """)
            let counter = try await stage.counter(Stage.Guest(name: "far"))
            // Another host: nothing is there but the replica and a copy of cold storage.
            try await need(
                """
                zfs send one/VM@a | zfs receive two/copy
                virsh destroy far && virsh undefine far
                zpool export one || { sleep 1; zpool export one; }
                mv \(stage.cold) \(stage.cold).elsewhere; rm -rf /var/lib/stillpoint/restore-points
                sed -i 's#^cold_storage.*#cold_storage = \(stage.cold).elsewhere#' \(lab.configuration)
                """)
            let listed = try await need("\(stage.stillpoint) list two/copy")
            #expect(listed.contains("two/copy@a  far  memory"), "\(listed)")
            let inPlace = try await shell("\(stage.stillpoint) restore two/copy@a --vm far --in-place")
            #expect(inPlace.status == 2 && inPlace.errors.contains("a copy of another"), "\(inPlace.errors)")
            let done = try await shell("\(stage.stillpoint) restore two/copy@a --vm far --as near")
            #expect(done.status == 0, "\(done.errors)")
            try await Task.sleep(for: .seconds(2))
            let log = "\(lab.folder)/far.log.near"
            let first = Int(try await need("grep -am 1 '^RAM' \(log) | tr -dc 0-9")) ?? 0
            #expect(first > 0 && first <= counter + 1)
            #expect(try await need("virsh domblklist near").contains("/two/near/far-vda.raw"))
            try await need("virsh qemu-agent-command near '{\"execute\":\"guest-ping\"}'")
            let durable = Int(try await need("grep -a '^DURABLE vda' \(log) | tail -n 2 | head -n 1 | tr -dc 0-9"))
            try await stage.expectCleanShutdown(
                "near", image: "/two/near/far-vda.raw", atLeast: try #require(durable))
        }
    }
}
