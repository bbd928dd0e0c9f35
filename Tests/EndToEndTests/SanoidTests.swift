import Testing

extension RealParts {
    @Suite("sanoid takes the snapshots")
    struct SanoidTests {
        private let guests = [
            Stage.Guest(name: "web"), Stage.Guest(name: "db", disks: 2),
            Stage.Guest(name: "mute", options: "--no-agent"),
        ]

        private func configure(_ stage: Stage, _ more: String = "") async throws {
            try await need(
                """
                mkdir -p /etc/sanoid && cat > /etc/sanoid/sanoid.conf <<'C'
                [\(stage.dataset)]
                use_template = hooked
                \(more)
                [template_hooked]
                daily = 7
                hourly = 24
                monthly = 0
                autosnap = yes
                autoprune = no
                pre_snapshot_script = \(stage.lab.preSnapshot)
                post_snapshot_script = \(stage.lab.postSnapshot)
                script_timeout = 60
                C
                """)
        }

        @Test("Two cycles, daily and hourly of one freeze: guests with an agent are quiesced, nothing is left behind")
        func twoCycles() async throws {
            try await Stage.with("sanoid", guests) { stage in
                try await configure(stage)
                for _ in 1...2 {
                    let said = try await shell("sanoid --take-snapshots --force-update")
                    #expect(said.errors.contains("stillpoint: db: quiesced, 2 of 2 file systems"))
                    #expect(said.errors.contains("stillpoint: mute: crash-consistent only (quiesce: the VM has no"))
                    try await stage.expectNothingLeft()
                    let snapshots = try await stage.snapshots()
                    #expect(snapshots.count == 2)
                    for snapshot in snapshots {
                        #expect(
                            try await stage.property("vms", of: snapshot)
                                == "db=quiesced,mute=crash:agent-missing,web=quiesced")
                        #expect(try await stage.property("consistency", of: snapshot) == "crash")
                        #expect(try await stage.property("run", of: snapshot).hasPrefix("20"))
                        try await stage.expectConsistency(of: snapshot, quiesced: ["web", "db"])
                        try await need("zfs destroy \(snapshot)")
                    }
                    // sanoid reads its cache before it renews it.
                    try await need("rm -f /var/cache/sanoid/*")
                }
            }
        }

        @Test(
            "Under sanoid's own 5 seconds a freeze hook of 8 is given up in time: a snapshot, and a guest that writes on"
        )
        func defaultTimeout() async throws {
            let guests = [Stage.Guest(name: "quick"), Stage.Guest(name: "slow", options: "--hook-delay 8")]
            try await Stage.with("timeout", guests) { stage in
                try await configure(stage)
                try await need("sed -i /script_timeout/d /etc/sanoid/sanoid.conf")
                let said = try await shell("sanoid --take-snapshots --force-update")
                #expect(!said.errors.contains("didn't finish"), "\(said.errors)")
                let snapshots = try await stage.snapshots()
                #expect(snapshots.count == 2)
                for snapshot in snapshots {
                    #expect(try await stage.property("vms", of: snapshot) == "quick=quiesced,slow=crash:agent-silent")
                }
                // The slow guest's agent comes to the freeze after 7 seconds, and to the thaw right after it.
                try await Task.sleep(for: .seconds(10))
                try await stage.expectWrites(by: guests[1], on: "vda", within: 2)
                try await stage.expectNothingLeft()
            }
        }

        @Test(
            "A QEMU that hangs does not outlast sanoid's time-out: the snapshot is taken, the other guests are quiesced"
        )
        func hangingQEMU() async throws {
            let guests = [Stage.Guest(name: "quick"), Stage.Guest(name: "stuck")]
            try await Stage.with("hang", guests) { stage in
                try await configure(stage)
                try await need("sed -i s/script_timeout.*/script_timeout=5/ /etc/sanoid/sanoid.conf")
                let said = try await shell(
                    """
                    qemu=$(cat /run/libvirt/qemu/stuck.pid); kill -STOP "$qemu"
                    sanoid --take-snapshots --force-update; status=$?
                    kill -CONT "$qemu"; exit $status
                    """)
                #expect(said.status == 0, "\(said.errors)")
                #expect(said.errors.contains("the manager waits no longer, and not at rest are: stuck"))
                let snapshots = try await stage.snapshots()
                #expect(snapshots.count == 2)
                for snapshot in snapshots {
                    #expect(try await stage.property("vms", of: snapshot) == "quick=quiesced,stuck=crash:unfinished")
                }
                try await stage.expectWrites(by: guests[1], on: "vda", within: 3)
                try await stage.expectNothingLeft()
            }
        }

        @Test(
            "A release that outlasts sanoid's time-out is the watchdog's: sanoid continues, the overlay is committed")
        func slowRelease() async throws {
            let guests = [Stage.Guest(name: "brisk"), Stage.Guest(name: "late")]
            try await Stage.with("patience", guests) { stage in
                try await configure(stage)
                let stop = "/tmp/stop-after-pre"
                try await need(
                    """
                    sed -i s/script_timeout.*/script_timeout=5/ /etc/sanoid/sanoid.conf
                    printf '#!/bin/sh\\n%s || exit\\nkill -STOP $(cat /run/libvirt/qemu/late.pid)\\n' \
                        \(stage.lab.preSnapshot) > \(stop)
                    chmod +x \(stop)
                    sed -i 's|^pre_snapshot_script.*|pre_snapshot_script = \(stop)|' /etc/sanoid/sanoid.conf
                    """)
                let said = try await shell(
                    """
                    sanoid --take-snapshots --force-update; status=$?
                    kill -CONT $(cat /run/libvirt/qemu/late.pid); rm \(stop); exit $status
                    """)
                #expect(said.status == 0, "\(said.errors)")
                #expect(said.errors.contains("its watchdog continues with: late"), "\(said.errors)")
                try await need(
                    """
                    for i in $(seq 60); do
                        ls /var/lib/stillpoint/runs/*.json 2>/dev/null || exit 0
                        sleep 0.5
                    done
                    exit 1
                    """)
                let snapshots = try await stage.snapshots()
                #expect(snapshots.count == 2)
                for snapshot in snapshots {
                    #expect(try await stage.property("vms", of: snapshot) == "brisk=quiesced,late=quiesced")
                }
                try await stage.expectWrites(by: guests[1], on: "vda", within: 3)
                try await stage.expectNothingLeft()
            }
        }

        @Test("recursive = zfs calls once for the parent: guests on the children are frozen, their snapshots marked")
        func recursive() async throws {
            let lab = try #require(Lab.here)
            try await Stage.with("tree", []) { stage in
                try await configure(stage, "recursive = zfs")
                try await need(
                    """
                    \(lab.program) dataset tree/leaf; \(lab.program) guest leaf --dataset tree/leaf
                    \(lab.program) wait leaf
                    """)
                let ends = "grep -c 'End of file while reading data' /var/log/libvirt/libvirtd.log || true"
                let before = try await need(ends)
                let said = try await shell("sanoid --take-snapshots --force-update")
                #expect(said.errors.contains("stillpoint: leaf: quiesced"))
                // Each connection was closed, as libvirtd wants it.
                #expect(try await need(ends) == before)
                let snapshots = try await stage.snapshots()
                #expect(snapshots.count == 4)
                for snapshot in snapshots {
                    let isParent = !snapshot.contains("tree/leaf@")
                    #expect(try await stage.property("vms", of: snapshot) == (isParent ? "-" : "leaf=quiesced"))
                    let shown = try await need("\(lab.binaries)/stillpoint show -r \(snapshot)")
                    #expect(shown.contains("\nleaf: quiesced\n"))
                }
                try await stage.expectNothingLeft()
                try await need("virsh destroy leaf; virsh undefine leaf")
            }
        }
    }

    @Suite("zfs-auto-snapshot takes the snapshots")
    struct ZFSAutoSnapshotTests {
        @Test("Its two arguments are enough: the guest is quiesced, the snapshot marked")
        func oneCycle() async throws {
            try await Stage.with("auto", [Stage.Guest(name: "auto")]) { stage in
                let said = try await shell(
                    """
                    zfs-auto-snapshot --label=test --keep=3 --pre-snapshot=\(stage.lab.preSnapshot) \
                        --post-snapshot=\(stage.lab.postSnapshot) \(stage.dataset)
                    """)
                #expect(said.status == 0, "\(said.errors)")
                let snapshot = try #require(try await stage.snapshots().first)
                #expect(try await stage.property("vms", of: snapshot) == "auto=quiesced")
                try await stage.expectConsistency(of: snapshot, quiesced: ["auto"])
                try await stage.expectNothingLeft()
            }
        }
    }
}

/// What runs on a real libvirtd with real guests, one test after another.
@Suite("On real parts", .serialized, .enabled(if: Lab.here != nil, Lab.reason))
enum RealParts {}
