import Testing

extension RealParts {
    /// Rows of docs/disks.md on real guests.
    @Suite("A disk that is more than a path and a format")
    struct DiskShapeTests {
        /// A lab guest with these disks.
        private struct Domain {
            let name: String
            let disks: String
            /// Behind `</devices>`.
            var more = ""

            func xml(_ lab: Lab) -> String {
                """
                <domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>\(name)</name>
                <memory unit='MiB'>128</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type>
                <kernel>\(lab.folder)/vmlinuz</kernel><initrd>\(lab.folder)/initrd</initrd><cmdline>console=ttyS0 loglevel=3
                 mitigations=off panic=1 lab.agent=1 lab.hook_delay=0 lab.flood=0</cmdline></os>
                <features><acpi/></features><devices>\(disks)
                <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
                <serial type='file'><source path='\(lab.folder)/\(name).log' append='on'/></serial>
                <controller type='usb' model='none'/><memballoon model='none'/></devices>\(more)</domain>
                """
            }
        }

        private static func disk(
            _ target: String, _ source: String, type: String = "file", format: String = "raw", driver: String = "",
            more: String = "", attributes: String = ""
        ) -> String {
            """
            <disk type='\(type)' device='disk' \(attributes)>
            <driver name='qemu' type='\(format)' cache='none' \(driver)/>\(source)
            <target dev='\(target)' bus='virtio'/>\(more)</disk>
            """
        }

        /// Defines and starts the guests over images that `script`, with `$d` as the dataset's folder and `$t` as an image
        /// of a file system, has made; takes them down at the end.
        ///
        /// - Parameter up: the guests that are waited for until their agents answer.
        private func with(
            _ name: String, configuration: String = "", up: String, _ script: String,
            _ domains: (String) -> [Domain], _ body: (Stage) async throws -> Void
        ) async throws {
            try await Stage.with(name, [], configuration: configuration) { stage in
                let domains = domains("/" + stage.dataset)
                let names = domains.map(\.name).joined(separator: " ")
                do {
                    try await need(
                        """
                        set -e; d=/\(stage.dataset); t=\(stage.lab.folder)/shapes.ext4; truncate -s 64M $t
                        mkfs.ext4 -q -b 4096 -J size=4 -E lazy_itable_init=0,lazy_journal_init=0 $t
                        \(script)
                        """)
                    for domain in domains {
                        let path = "\(stage.lab.folder)/\(domain.name).xml"
                        try await need(
                            "printf %s \(quoted(domain.xml(stage.lab))) > \(path); virsh -q define \(path) && virsh -q start \(domain.name)"
                        )
                    }
                    try await need("\(stage.lab.program) wait \(up)")
                    try await body(stage)
                } catch {
                    await takeDown(names)
                    throw error
                }
                await takeDown(names)
            }
        }

        private func takeDown(_ names: String) async {
            _ = try? await shell(
                """
                for n in \(names); do virsh destroy $n; virsh undefine --snapshots-metadata $n; done
                virsh pool-destroy shapes; virsh pool-undefine shapes
                rm -f /etc/libvirt/qemu/{\(names.split(separator: " ").joined(separator: ",")),}.xml
                """)
        }

        private func cycle(_ stage: Stage, _ snapshot: String, between: String = "true") async throws -> String {
            let outcome = try await shell(
                """
                s=\(stage.dataset)@\(snapshot); \(stage.lab.preSnapshot) $s || exit 90
                zfs snapshot $s || exit 91; \(between) >&2 || exit 92; \(stage.lab.postSnapshot) $s
                """)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(try await need("ls -A \(stage.lab.overlays)").isEmpty)
            return outcome.errors
        }

        @Test("is handled while its VM runs and while it is off, and its definition is the same afterwards")
        func handled() async throws {
            try await with(
                "shapes", up: "shapes",
                """
                for i in a b c e; do cp --sparse=always $t $d/$i.raw; done; qemu-img convert -f raw -O qcow2 $t $d/d.qcow2
                # Whom libvirt shall not give it to must have it.
                chown \(Lab.here?.qemuUser ?? ""): $d/a.raw
                truncate -s 1M $d/cd.iso; virsh -q pool-define-as shapes dir --target $d; virsh -q pool-start shapes
                """,
                { d in
                    [
                        Domain(
                            name: "shapes",
                            disks: Self.disk(
                                "vda", "<source file='\(d)/a.raw'><seclabel model='dac' relabel='no'/></source>")
                                + Self.disk("vdb", "<source pool='shapes' volume='b.raw'/>", type: "volume")
                                + Self.disk(
                                    "vdc", "<source file='\(d)/c.raw' startupPolicy='optional'/>",
                                    driver: "copy_on_read='on' discard='unmap' detect_zeroes='unmap' io='threads'",
                                    attributes: "snapshot='no'")
                                + Self.disk("vdd", "<source file='\(d)/d.qcow2'/>", format: "qcow2")
                                + Self.disk("vde", "<source file='\(d)/e.raw'/>", more: "<transient/>")
                                + "<disk type='volume' device='cdrom'><source pool='shapes' volume='cd.iso'/>"
                                + "<target dev='hda' bus='ide'/><readonly/></disk>")
                    ]
                }
            ) { stage in
                let before = try await need("virsh dumpxml --inactive shapes")
                #expect(before.contains("<seclabel model='dac' relabel='no'/>"))
                let said = try await cycle(stage, "live")
                #expect(try await stage.property("vms", of: "\(stage.dataset)@live") == "shapes=quiesced", "\(said)")
                #expect(said.contains("vde is transient and was excluded"), "\(said)")
                #expect(try await need("virsh dumpxml --inactive shapes") == before)
                try await need("\(stage.lab.program) wait shapes")
                let off = try await cycle(stage, "off", between: "sleep 1; virsh -q destroy shapes")
                #expect(try await stage.property("vms", of: "\(stage.dataset)@off") == "shapes=quiesced", "\(off)")
                #expect(try await need("virsh dumpxml --inactive shapes") == before)
                for (target, image) in [("vda", "a.raw"), ("vdb", "b.raw"), ("vdc", "c.raw")] {
                    let known = try await need("\(stage.lab.program) durable shapes \(target)")
                    let found = try await need("\(stage.lab.program) records /\(stage.dataset)/\(image)")
                    #expect(Int(found) ?? 0 >= Int(known) ?? .max, "\(target)")
                }
                try await need("virsh -q start shapes")
            }
        }

        @Test("is refused with the reason, its guest not frozen, its image and definition untouched")
        func refused() async throws {
            let secret = "5c1b9d1e-0000-4000-8000-00000000bbbb"
            let encryption =
                "<encryption format='luks'><secret type='passphrase' uuid='\(secret)'/></encryption>"
            let reasons = [
                "luks": "vdb cannot be moved to an overlay: it is encrypted",
                "luksqcow": "vdb cannot be moved to an overlay: it is encrypted",
                "slice": "vdb cannot be moved to an overlay: it is a part of its file",
                "data": "its data is in another file",
                "extra": "a disk that no <disk> names, -drive",
            ]
            // A RAM dump needs no agent, so that one guest alone has to be up.
            try await with(
                "shapesno",
                configuration: "strategy = memory, quiesce, crash-consistent\nram_dir = \(Lab.here?.overlays ?? "")",
                up: "luks",
                """
                for n in luks luksqcow slice data extra; do cp --sparse=always $t $d/$n.raw; done
                printf %s "<secret ephemeral='no' private='yes'><uuid>\(secret)</uuid></secret>" > $t.xml
                virsh -q secret-define $t.xml; virsh -q secret-set-value \(secret) "$(printf pw | base64)" 2>/dev/null
                s=secret,id=s,data=pw
                # On a busy machine qemu-img may fail to measure how long a key takes.
                again() { for i in $(seq 10); do qemu-img create -q --object $s "$@" && return; done; return 1; }
                again -f luks -o key-secret=s,iter-time=10 $d/luks.img 8M
                again -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 $d/luks.qcow2 8M
                truncate -s 9M $d/slice.img; printf before | dd of=$d/slice.img conv=notrunc status=none
                qemu-img create -q -f qcow2 -o data_file=$d/data.data $d/data.qcow2 8M; truncate -s 8M $d/extra.img
                # libvirt knows nothing of these.
                chown \(Lab.here?.qemuUser ?? ""): $d/data.data $d/extra.img
                """,
                { d in
                    func guest(_ name: String, _ second: String, more: String = "") -> Domain {
                        Domain(
                            name: name, disks: Self.disk("vda", "<source file='\(d)/\(name).raw'/>") + second,
                            more: more)
                    }
                    return [
                        guest("luks", Self.disk("vdb", "<source file='\(d)/luks.img'>\(encryption)</source>")),
                        guest(
                            "luksqcow",
                            Self.disk("vdb", "<source file='\(d)/luks.qcow2'>\(encryption)</source>", format: "qcow2")),
                        guest(
                            "slice",
                            Self.disk(
                                "vdb",
                                "<source file='\(d)/slice.img'><slices><slice type='storage' offset='1048576' "
                                    + "size='8388608'/></slices></source>")),
                        guest("data", Self.disk("vdb", "<source file='\(d)/data.qcow2'/>", format: "qcow2")),
                        guest(
                            "extra", "",
                            more: "<qemu:commandline><qemu:arg value='-drive'/><qemu:arg "
                                + "value='file=\(d)/extra.img,format=raw,if=none,id=extra'/></qemu:commandline>"),
                    ]
                }
            ) { stage in
                let definitions =
                    "for n in \(reasons.keys.sorted().joined(separator: " ")); do virsh dumpxml --inactive $n; done"
                let before = try await need(definitions)
                let said = try await cycle(stage, "a", between: "virsh -q destroy luks; virsh -q destroy slice")
                for (name, reason) in reasons {
                    let line = said.split(separator: "\n").first { $0.contains("\(name): ") }
                    #expect(line?.contains(reason) == true, "\(name): \(said)")
                }
                let luks = said.split(separator: "\n").first { $0.contains("luks: ") }
                #expect(
                    luks?.contains("quiesce: vdb cannot be moved to an overlay: it is encrypted") == true, "\(said)")
                #expect(try await need("\(stage.lab.program) frozen luks").isEmpty)
                let got = try await stage.property("vms", of: "\(stage.dataset)@a").split(separator: ",")
                // Those that need not be up may have no agent yet, which is their last reason then.
                #expect(got.map { $0.split(separator: ":")[0] } == reasons.keys.sorted().map { "\($0)=crash" })
                #expect(got.contains("luks=crash:disk-unsupported"), "\(got)")
                #expect(try await need(definitions) == before)
                #expect(try await need("head -c 4 /\(stage.dataset)/luks.img") == "LUKS")
                #expect(try await need("head -c 6 /\(stage.dataset)/slice.img") == "before")
            }
        }

        @Test("in a pool that is gone costs its own VM alone, by name")
        func danglingVolume() async throws {
            try await Stage.with("dangling", [Stage.Guest(name: "sound")]) { stage in
                let names = "lost nocd"
                let other = { (name: String, device: String) in
                    """
                    <domain type='qemu'><name>\(name)</name><memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>
                    <disk type='volume' device='\(device)'><source pool='gone' volume='x'/><target dev='sda' bus='sata'/>
                    </disk></devices></domain>
                    """
                }
                for (name, device) in [("lost", "disk"), ("nocd", "cdrom")] {
                    let path = "\(stage.lab.folder)/\(name).xml"
                    try await need("printf %s \(quoted(other(name, device))) > \(path); virsh -q define \(path)")
                }
                let outcome = try await shell(
                    """
                    s=\(stage.dataset)@a; \(stage.lab.preSnapshot) $s && zfs snapshot $s && \(stage.lab.postSnapshot) $s
                    """)
                _ = try await shell("for n in \(names); do virsh undefine $n; done")
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "sound=quiesced")
                #expect(outcome.errors.contains("lost may have a disk on what is snapshotted"), "\(outcome.errors)")
                #expect(!outcome.errors.contains("nocd"), "\(outcome.errors)")
                try await stage.expectNothingLeft()
            }
        }
    }
}
