import Testing

extension RealParts {
    /// What hangs: nothing that was given up may do harm when it comes back.
    @Suite("When something hangs")
    struct HangingTests {
        @Test(
            "libvirtd, while pre freezes a guest and must exit: the watchdog thaws it, though no post comes"
        )
        func daemon() async throws {
            let guest = Stage.Guest(name: "moving", options: "--hook-delay 3")
            try await Stage.with("moving", [guest]) { stage in
                let snapshot = "\(stage.dataset)@a"
                let said = try await need(
                    """
                    said=\(stage.lab.folder)/said
                    { timeout 60 \(stage.lab.preSnapshot) --deadline 8 \(snapshot); echo "exit $?"; } >$said 2>&1 &
                    for i in $(seq 200); do grep -q switching \(stage.lab.runs)/*.json 2>/dev/null && break; sleep 0.05; done
                    sleep 1; kill -STOP $(cat /run/libvirtd.pid); wait; kill -CONT $(cat /run/libvirtd.pid); cat $said
                    """)
                #expect(said.contains("exit 0") && said.contains("the manager waits no longer"), "\(said)")
                // The freeze hook has ended since, and the guest is frozen with its disks in the freeze state, until max_hold
                // unless somebody thaws it before.
                try await Task.sleep(for: .seconds(8))
                try await stage.expectWrites(by: guest, on: "vda", within: 2)
                try await need("zfs snapshot \(snapshot); \(stage.lab.postSnapshot) \(snapshot)")
                #expect(try await stage.property("vms", of: snapshot) == "moving=crash:unfinished")
                try await stage.expectNothingLeft()
            }
        }

        @Test("a pause of ours that was given up and comes late is undone all the same")
        func latePause() async throws {
            let guest = Stage.Guest(name: "late")
            try await Stage.with("late", [guest]) { stage in
                let snapshot = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(snapshot); zfs snapshot \(snapshot)")
                // As a release leaves it that was killed while libvirt waited for a QEMU that did not answer.
                let said = try await shell(
                    """
                    pkill -KILL -f '^stillpoint-watchdog'; sleep 0.2
                    sed -i 's/"pausedByUs": *false/"pausedByUs": true/' \(stage.lab.runs)/*.json
                    grep -q '"pausedByUs": *true' \(stage.lab.runs)/*.json || exit 9
                    qemu=$(cat /run/libvirt/qemu/late.pid); kill -STOP $qemu
                    timeout 60 virsh -q suspend late & sleep 1
                    { timeout 60 \(stage.lab.binaries)/stillpoint recover --run $(basename \(stage.lab.runs)/*.json .json); echo "exit $?"; } 2>&1 &
                    sleep 3; kill -CONT $qemu; wait
                    """)
                if said.output.contains("exit 3") {
                    try await need("\(stage.lab.binaries)/stillpoint recover")
                }
                #expect(try await need("virsh domstate late") == "running", "\(said)")
                try await stage.expectWrites(by: guest, on: "vda", within: 2)
                try await stage.expectNothingLeft()
            }
        }

        @Test("and others are at work: who is being backed up or frozen by somebody else is not frozen, nor thawed")
        func others() async throws {
            let backed = Stage.Guest(name: "backed")
            let theirs = Stage.Guest(name: "theirs")
            let well = Stage.Guest(name: "well")
            try await Stage.with("others", [backed, theirs, well]) { stage in
                let folder = stage.lab.folder
                try await need(
                    """
                    install -d -o \(stage.lab.qemuUser) \(folder)/socket
                    cat > \(folder)/backup.xml <<'X'
                    <domainbackup mode='pull'><server transport='unix' socket='\(folder)/socket/backup'/><disks>
                    <disk name='vda' backup='yes' type='file'><scratch file='\(folder)/scratch.qcow2'/></disk>
                    </disks></domainbackup>
                    X
                    virsh -q backup-begin backed \(folder)/backup.xml; virsh -q domfsfreeze theirs
                    """)
                let snapshot = "\(stage.dataset)@a"
                let said = try await need(
                    """
                    \(stage.lab.preSnapshot) --deadline 10 \(snapshot) 2>&1; zfs snapshot \(snapshot)
                    \(stage.lab.postSnapshot) \(snapshot) 2>&1
                    """)
                #expect(said.contains("a backup of the VM (virsh domjobinfo backed) is under way"), "\(said)")
                #expect(said.contains("somebody else has frozen the guest"), "\(said)")
                #expect(
                    try await stage.property("vms", of: snapshot)
                        == "backed=crash:vm-busy,theirs=crash:vm-busy,well=quiesced")
                #expect(try await need("\(stage.lab.program) frozen backed || true").isEmpty)
                let status = try await need(
                    "virsh qemu-agent-command theirs '{\"execute\":\"guest-fsfreeze-status\"}'")
                #expect(status.contains("frozen"), "\(status)")
                try await need("virsh -q domfsthaw theirs; virsh -q domjobabort backed")
                try await stage.expectNothingLeft()
            }
        }
    }
}
