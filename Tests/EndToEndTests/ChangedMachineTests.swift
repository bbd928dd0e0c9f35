import Testing

extension RealParts {
    /// See the first table in docs/vm-changes.md.
    @Suite("A VM that changes between pre and post")
    struct ChangedMachineTests {
        @Test("ends up on its own disk when it was reset, rebooted or paused")
        func running() async throws {
            try await Stage.expectReleased(
                "changed-on",
                [
                    Change("reset", "virsh -q reset $n; sleep 1"),
                    Change("reboot", "virsh -q reboot --mode acpi $n; sleep 1"),
                    Change("halted", "virsh -q suspend $n", state: "paused"),
                ])
        }

        @Test("left frozen by a killed pre, and paused: back on its own disk at once, thawed when it is resumed")
        func frozen() async throws {
            let guest = Stage.Guest(name: "frozen")
            try await Stage.with("changed-frozen", [guest]) { stage in
                let s = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(s)")
                try await stage.change(
                    guest,
                    """
                    sleep 0.5; zfs snapshot \(s)
                    sed -i 's/"owesThaw": *false/"owesThaw": true/; s/"step": *"held"/"step": "switching"/' \
                        \(stage.lab.runs)/*.json
                    grep -q '"owesThaw": *true' \(stage.lab.runs)/*.json
                    virsh -q domfsfreeze $n; virsh -q suspend $n
                    """)
                let post = try await shell("zfs snapshot \(s) 2>/dev/null || true; \(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 3, "\(post.errors)")
                #expect(try await need("virsh domblklist frozen").contains(stage.image(guest, "vda")))
                #expect(try await need("ls -A \(stage.lab.overlays)").isEmpty)
                try await need("virsh -q resume frozen; \(stage.lab.postSnapshot) \(s)")
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }

        @Test("ends up with its own disk in its definition when it was shut down, destroyed, killed or saved")
        func off() async throws {
            let note = "so qemu-img committed the overlay; its definition names /"
            try await Stage.expectReleased(
                "changed-off",
                [
                    Change("shutdown", "virsh -q shutdown --mode agent $n; off", state: "shut off", note: note),
                    Change("destroyed", "virsh -q destroy $n", state: "shut off", note: note),
                    Change("killed", "kill -9 $(cat /run/libvirt/qemu/$n.pid); off", state: "shut off", note: note),
                    Change(
                        "renamed",
                        """
                        virsh -q destroy $n; virsh -q snapshot-delete --metadata $n --current
                        virsh -q domrename $n other; virsh -q domrename other $n
                        """, state: "shut off", note: note),
                ])
        }

        @Test("resumes from its managed save on its own disk")
        func managedSave() async throws {
            let guest = Stage.Guest(name: "saved", disks: 2)
            try await Stage.with("changed-saved", [guest]) { stage in
                let s = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(s)")
                try await stage.change(guest, "sleep 1; virsh -q managedsave $n")
                let post = try await shell("zfs snapshot \(s); \(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 0, "\(post.errors)")
                try await stage.expectNothingLeft()
                let counter = try await stage.counter(guest)
                try await stage.change(guest, "virsh -q start $n; sleep 2")
                #expect(try await stage.counter(guest) > counter)
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }

        @Test("is started again by somebody while it waits for post: it is committed live")
        func startedAgain() async throws {
            try await Stage.expectReleased(
                "changed-again", [Change("again", "virsh -q destroy $n; virsh -q start $n; $LAB wait $n")])
        }

        @Test("has its overlay committed though it was undefined, on or off")
        func undefined() async throws {
            let guests = [Stage.Guest(name: "gone", disks: 2), Stage.Guest(name: "fleeting")]
            try await Stage.with("changed-gone", guests) { stage in
                let s = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(s)")
                try await Task.sleep(for: .seconds(1))
                try await stage.change(guests[0], "virsh -q destroy $n; virsh -q undefine --snapshots-metadata $n")
                // It runs on without a definition.
                try await stage.change(
                    guests[1], "virsh -q snapshot-delete --metadata $n --current; virsh -q undefine $n")
                let post = try await shell("zfs snapshot \(s); \(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 0, "\(post.errors)")
                #expect(post.errors.contains("vdb: the VM was undefined, so qemu-img committed"), "\(post.errors)")
                #expect(try await need("ls -A \(stage.lab.overlays); ls -A \(stage.lab.runs)").isEmpty)
                #expect(try await need("virsh domblklist fleeting").contains(stage.image(guests[1], "vda")))
                #expect(try await shell("virsh dominfo gone").status != 0)
                for guest in guests { try await stage.expectAllThere(guest) }
            }
        }

        @Test("was migrated away: nothing is touched, and ends once it was committed there")
        func migrated() async throws {
            let guest = Stage.Guest(name: "moved")
            try await Stage.with("changed-moved", [guest]) { stage in
                let s = "\(stage.dataset)@a"
                let other = "\(stage.lab.folder)/other"
                let there = "virsh -c 'qemu+unix:///system?socket=\(other)/libvirt-sock'"
                // A second host: a libvirtd with a folder, a UUID and an idea of /run of its own. Between hosts the owners
                // that libvirt remembers are not shared (NFS has no such attributes), here they would be.
                try await need(
                    """
                    set -e; mkdir \(other); cp /etc/libvirt/{libvirtd,qemu}.conf \(other)/
                    sed -i /remember_owner/d \(other)/qemu.conf; echo 'remember_owner = 0' >> \(other)/qemu.conf
                    install -d -o \(stage.lab.qemuUser) \(other)/socket
                    printf 'unix_sock_dir = "%s"\nhost_uuid = "c0ffee00-0000-4000-8000-000000000001"\n' \(other) \
                        >> \(other)/libvirtd.conf
                    unshare --mount --propagation private bash -ec 'mount -t tmpfs none /run/libvirt
                        mount -t tmpfs none /var/lib/libvirt; mount --bind \(other)/qemu.conf /etc/libvirt/qemu.conf
                        exec unshare --net libvirtd -d -p \(other)/pid -f \(other)/libvirtd.conf' >/dev/null 2>&1
                    until \(there) -q list >/dev/null 2>&1; do sleep 0.1; done
                    """)
                try await need("\(stage.lab.preSnapshot) \(s)")
                try await stage.change(
                    guest,
                    """
                    sleep 0.5; zfs snapshot \(s)
                    virsh -q snapshot-delete --metadata $n --current
                    virsh -q migrate --live --unsafe --persistent $n 'qemu+unix:///system?socket=\(other)/libvirt-sock' \
                        --migrateuri unix://\(other)/socket/migration
                    """)
                let post = try await shell("zfs snapshot \(s) 2>/dev/null || true; \(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 3, "\(post.errors)")
                #expect(post.errors.contains("the VM was migrated away from "), "\(post.errors)")
                #expect(try await need("\(there) domblklist moved").contains(stage.lab.overlays))
                try await need(
                    """
                    set -e; \(there) -q blockcommit moved vda --active --pivot --wait
                    rm \(stage.lab.overlays)/moved-*.qcow2
                    zfs snapshot \(s) 2>/dev/null || true; \(stage.lab.postSnapshot) \(s)
                    """)
                try await stage.expectNothingLeft()
                try await need("\(there) -q destroy moved; kill $(cat \(other)/pid)")
                try await stage.expectAllThere(guest)
            }
        }

        @Test("whose overlay another VM has taken meanwhile is not touched")
        func takenOver() async throws {
            let guest = Stage.Guest(name: "taken")
            try await Stage.with("changed-taken", [guest]) { stage in
                let s = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(s)")
                try await stage.change(
                    guest,
                    """
                    sleep 0.5; virsh dumpxml --inactive $n > \(stage.lab.folder)/taken.xml
                    virsh -q destroy $n; virsh -q undefine --snapshots-metadata $n
                    sed -i '/<uuid>/d; s#<name>taken#<name>heir#' \(stage.lab.folder)/taken.xml
                    virsh -q define \(stage.lab.folder)/taken.xml; virsh -q start heir
                    zfs snapshot \(s)
                    """)
                let post = try await shell("zfs snapshot \(s) 2>/dev/null || true; \(stage.lab.postSnapshot) \(s)")
                #expect(post.status == 3, "\(post.errors)")
                #expect(post.errors.contains("the VM heir uses its overlay as its vda"), "\(post.errors)")
                #expect(try await need("ls \(stage.lab.overlays)/taken-*.qcow2").isEmpty == false)
                // Off and gone, nobody has it any more.
                try await need("virsh -q destroy heir; virsh -q undefine heir")
                let again = try await shell("zfs snapshot \(s) 2>/dev/null || true; \(stage.lab.postSnapshot) \(s)")
                #expect(again.status == 0, "\(again.errors)")
                #expect(try await need("ls -A \(stage.lab.overlays); ls -A \(stage.lab.runs)").isEmpty)
                try await stage.expectAllThere(guest)
            }
        }
    }
}
