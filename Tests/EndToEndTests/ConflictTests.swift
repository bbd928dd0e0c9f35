import Testing

extension RealParts {
    /// See the tables in docs/vm-changes.md.
    @Suite("What others do to a VM between pre and post")
    struct ConflictTests {
        @Test("libvirt refuses to migrate it, as long as our snapshot is known; afterwards nothing is in the way")
        func refused() async throws {
            let guest = Stage.Guest(name: "fixed")
            try await Stage.with("conflict-fixed", [guest]) { stage in
                let s = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(s)")
                for kind in ["--live", "--offline --persistent"] {
                    let migration = try await shell("timeout 60 virsh migrate \(kind) fixed qemu:///system")
                    #expect(migration.errors.contains("cannot migrate domain with 1 snapshots"), "\(migration.errors)")
                }
                // It grows with what it was resized to meanwhile.
                try await need("virsh -q blockresize fixed vda 80M; zfs snapshot \(s)")
                let post = try await shell("\(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 0, "\(post.errors)")
                try await stage.expectNothingLeft()
                #expect(try await need("virsh domblkinfo fixed vda | awk '/^Capacity/ { print $2 }'") == "\(80 << 20)")
                #expect(try await need("stat -c %s \(stage.image(guest, "vda"))") == "\(80 << 20)")
                try await stage.expectAllThere(guest)
            }
        }

        @Test("a backup is waited for; an internal snapshot is not thrown away with the overlay that it is in")
        func underWay() async throws {
            let archived = Stage.Guest(name: "archived")
            let inner = Stage.Guest(name: "inner", options: "--format qcow2")
            try await Stage.with("conflict-jobs", [archived, inner], configuration: "commit_timeout = 1") { stage in
                let s = "\(stage.dataset)@a"
                let folder = stage.lab.folder
                try await need(
                    """
                    set -e; install -d -o \(stage.lab.qemuUser) \(folder)/socket
                    cat > \(folder)/backup.xml <<'X'
                    <domainbackup mode='pull'><server transport='unix' socket='\(folder)/socket/backup'/><disks>
                    <disk name='vda' backup='yes' type='file'><scratch file='\(folder)/scratch.qcow2'/></disk>
                    </disks></domainbackup>
                    X
                    \(stage.lab.preSnapshot) \(s); zfs snapshot \(s)
                    virsh -q backup-begin archived \(folder)/backup.xml
                    virsh -q snapshot-create-as inner before-upgrade
                    """)
                let post = try await shell("\(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 3, "\(post.errors)")
                #expect(
                    post.errors.contains("somebody else's block job on vda did not end within 1 s"), "\(post.errors)")
                #expect(post.errors.contains("somebody took an internal snapshot of the VM since"), "\(post.errors)")
                #expect(try await need("virsh snapshot-list --name inner").contains("before-upgrade"))
                try await need(
                    """
                    virsh -q domjobabort archived; virsh -q snapshot-delete inner before-upgrade
                    # The guard may come first.
                    for i in $(seq 60); do ls \(stage.lab.runs)/*.json >/dev/null 2>&1 || exit 0
                        \(stage.lab.binaries)/stillpoint recover || sleep 0.5; done; exit 1
                    """)
                #expect(try await need("virsh domblklist inner").contains("/inner-vda.qcow2"))
                #expect(try await need("virsh domblklist archived").contains(stage.image(archived, "vda")))
                #expect(try await need("ls -A \(stage.lab.overlays); ls -A \(stage.lab.runs)").isEmpty)
                try await stage.expectAllThere(archived)
            }
        }

        @Test("checkpoints and their bitmaps, and snapshots that were there before, are as they were")
        func before() async throws {
            let guest = Stage.Guest(name: "tracked", options: "--format qcow2 --no-start")
            try await Stage.with("conflict-kept", [guest]) { stage in
                let folder = stage.lab.folder
                let image = "/\(stage.dataset)/tracked-vda.qcow2"
                // A full backup of the moment of the checkpoint: the guest has not begun to write yet.
                try await need(
                    """
                    set -e; virsh -q snapshot-create-as tracked inner; virsh -q start tracked --paused
                    virsh -q checkpoint-create-as tracked first; cp \(image) \(folder)/full.qcow2
                    virsh -q resume tracked; \(stage.lab.program) wait tracked
                    """)
                let state = """
                    virsh snapshot-list --tree tracked; virsh snapshot-current --name tracked
                    virsh checkpoint-list --tree tracked
                    """
                let before = try await need(state)
                for (name, change) in [("a", "true"), ("b", "virsh -q destroy tracked")] {
                    let s = "\(stage.dataset)@\(name)"
                    try await need(
                        """
                        set -e; \(stage.lab.preSnapshot) \(s); sleep 1; \(change)
                        zfs snapshot \(s); \(stage.lab.postSnapshot) \(s)
                        """)
                    #expect(try await stage.property("vms", of: s) == "tracked=quiesced")
                    #expect(try await need(state) == before)
                    #expect(try await need("qemu-img snapshot -U -l \(image)").contains("inner"))
                    // All that was written since, before and in the window and after it, is in the increment.
                    try await need(
                        """
                        set -e; virsh -q start tracked --paused 2>/dev/null || virsh -q suspend tracked
                        cat > \(folder)/\(name).xml <<'X'
                        <domainbackup><incremental>first</incremental><disks><disk name='vda' type='file'>
                        <target file='\(folder)/\(name).qcow2'/></disk></disks></domainbackup>
                        X
                        virsh -q backup-begin tracked \(folder)/\(name).xml
                        for i in $(seq 100); do virsh domjobinfo tracked | grep -q None && break; sleep 0.1; done
                        qemu-img rebase -u -b \(folder)/full.qcow2 -F qcow2 \(folder)/\(name).qcow2
                        qemu-img compare -U \(folder)/\(name).qcow2 \(image); virsh -q resume tracked
                        """)
                }
                #expect(try await need("ls -A \(stage.lab.overlays); ls -A \(stage.lab.runs)").isEmpty)
            }
        }
    }
}
