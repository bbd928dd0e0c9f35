import Testing

extension RealParts {
    /// What hangs: nothing that was given up may do harm when it comes back.
    @Suite("When something hangs")
    struct HangingTests {
        @Test("a guest whose disks are being moved when pre must go is thawed by the guard, though no post comes")
        func moving() async throws {
            let guest = Stage.Guest(name: "moving", options: "--hook-delay 3")
            try await Stage.with("moving", [guest]) { stage in
                let overlays = stage.lab.overlays
                // Overlays on storage that can be made to hang.
                try await need(
                    """
                    mkdir -p \(overlays); truncate -s 256M \(stage.lab.folder)/hang; mkfs.ext4 -q \(stage.lab.folder)/hang
                    mount -o loop \(stage.lab.folder)/hang \(overlays); rmdir \(overlays)/lost+found
                    """)
                do {
                    let said = try await need(
                        """
                        { \(stage.lab.preSnapshot) --deadline 8 \(stage.dataset)@a; echo "exit $?"; } 2>&1 &
                        for i in $(seq 100); do grep -q switching \(stage.lab.runs)/*.json 2>/dev/null && break; sleep 0.1; done
                        sleep 1; fsfreeze -f \(overlays); wait
                        """)
                    #expect(said.contains("exit 0") && said.contains("the manager waits no longer"), "\(said)")
                    try await need("fsfreeze -u \(overlays)")
                    try await Task.sleep(for: .seconds(4))
                    try await stage.expectWrites(by: guest, on: "vda", within: 2)
                    try await need("zfs snapshot \(stage.dataset)@a; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                    #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "moving=crash")
                    try await stage.expectNothingLeft()
                } catch {
                    _ = try? await shell("fsfreeze -u \(overlays)")
                    _ = try? await shell("virsh destroy moving; umount -l \(overlays)")
                    throw error
                }
                try await need("umount -l \(overlays)")
            }
        }

        @Test("and others are at work: who is being backed up or frozen by somebody else is not frozen, nor thawed")
        func others() async throws {
            let saved = Stage.Guest(name: "saved")
            let theirs = Stage.Guest(name: "theirs")
            let well = Stage.Guest(name: "well")
            try await Stage.with("others", [saved, theirs, well]) { stage in
                let folder = stage.lab.folder
                try await need(
                    """
                    cat > \(folder)/backup.xml <<'X'
                    <domainbackup mode='pull'><server transport='unix' socket='\(folder)/backup.sock'/><disks>
                    <disk name='vda' backup='yes' type='file'><scratch file='\(folder)/scratch.qcow2'/></disk>
                    </disks></domainbackup>
                    X
                    virsh -q backup-begin saved \(folder)/backup.xml; virsh -q domfsfreeze theirs
                    """)
                let snapshot = "\(stage.dataset)@a"
                let said = try await need(
                    """
                    \(stage.lab.preSnapshot) --deadline 10 \(snapshot) 2>&1; zfs snapshot \(snapshot)
                    \(stage.lab.postSnapshot) \(snapshot) 2>&1
                    """)
                #expect(said.contains("a backup of the VM (virsh domjobinfo saved) is under way"), "\(said)")
                #expect(said.contains("somebody else holds the guest frozen"), "\(said)")
                #expect(try await stage.property("vms", of: snapshot) == "saved=crash,theirs=crash,well=quiesced")
                #expect(try await need("\(stage.lab.program) frozen saved || true").isEmpty)
                let status = try await need(
                    "virsh qemu-agent-command theirs '{\"execute\":\"guest-fsfreeze-status\"}'")
                #expect(status.contains("frozen"), "\(status)")
                try await need("virsh -q domfsthaw theirs; virsh -q domjobabort saved")
                try await stage.expectNothingLeft()
            }
        }
    }
}
