import Testing

extension RealParts {
    @Suite("Somebody with the rights of QEMU, or with an image of his own")
    struct OverlayAttackTests {
        @Test("gets no file of root's read or written by a data file in an overlay's header; then the VM is recovered")
        func dataFile() async throws {
            let guest = Stage.Guest(name: "forged")
            try await Stage.with("forged", [guest]) { stage in
                let (s, secret) = ("\(stage.dataset)@a", "\(stage.lab.folder)/shadow")
                try await need("\(stage.lab.preSnapshot) \(s); zfs snapshot \(s); sleep 1")
                try await stage.change(guest, "virsh -q destroy $n")
                let overlay = try await need("ls \(stage.lab.overlays)/forged-*.qcow2")
                // The feature (bit 2 of byte 79) and QEMU's own file with the name of the data file.
                try await need(
                    """
                    set -e; umask 077; head -c 64M /dev/zero > \(secret); printf TOPSECRET | dd of=\(secret) conv=notrunc
                    sha256sum \(secret) > \(secret).sum; cp \(overlay) \(overlay).whole; rm -f \(stage.lab.folder)/d
                    size=$(qemu-img info -U --output=json \(overlay) | sed -n 's/.*"virtual-size": \\([0-9]*\\).*/\\1/p' | head -1)
                    qemu-img create -q -f qcow2 -o data_file=\(secret).link \(stage.lab.folder)/x.qcow2 $size
                    rm \(secret).link; ln -s \(secret) \(secret).link
                    qemu-img rebase -u -f qcow2 -F raw -b \(stage.image(guest, "vda")) \(stage.lab.folder)/x.qcow2
                    cat \(stage.lab.folder)/x.qcow2 > \(overlay)
                    """)
                let start = ContinuousClock.now
                let post = try await shell("\(stage.lab.postSnapshot) \(s)")
                #expect(start.duration(to: .now) < .seconds(5))
                #expect(post.status == 3, "\(post.errors)")
                #expect(
                    post.errors.contains("names a data file") && post.errors.contains("forged"), "\(post.errors)")
                try await need("sha256sum -c \(secret).sum")
                let marks = try await shell("grep -c TOPSECRET \(stage.image(guest, "vda"))")
                #expect(marks.output.hasPrefix("0"), "\(marks.output)")
                // Its own bytes back in place, it is released.
                try await need("cat \(overlay).whole > \(overlay); rm \(overlay).whole; \(stage.stillpoint) recover")
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }

        @Test("gets nothing of root's into a clone by a raw base that looks like a qcow2 image, the VM off")
        func rawBase() async throws {
            let guest = Stage.Guest(name: "rawbase", options: "--no-start")
            try await Stage.with("rawbase", [guest]) { stage in
                let (s, image) = ("\(stage.dataset)@a", stage.image(guest, "vda"))
                let (base, secret) = ("/\(stage.dataset)/base.raw", "\(stage.lab.folder)/shadow")
                try await need(
                    """
                    set -e; umask 077; head -c 1M /dev/zero | tr '\\0' T > \(secret); rm \(image)
                    qemu-img create -q -f qcow2 -F raw -u -b \(secret) \(base) 1M
                    qemu-img create -q -f qcow2 -F raw -b \(base) \(image)
                    virsh dumpxml --inactive rawbase | sed "s#type='raw'#type='qcow2'#" > \(stage.lab.folder)/d.xml
                    virsh -q define \(stage.lab.folder)/d.xml
                    strace -f -qq -e trace=openat,open -o \(stage.lab.folder)/trace \(stage.lab.preSnapshot) \(s)
                    zfs snapshot \(s); \(stage.lab.postSnapshot) \(s)
                    """)
                let done = try await shell("\(stage.stillpoint) restore \(s) --vm rawbase --as beside")
                #expect(done.status == 0, "\(done.errors)")
                let clone = "/\(stage.lab.pool)/beside"
                let info = try await need("qemu-img info --output=json \(clone)/rawbase-vda.raw")
                #expect(info.contains("\"backing-filename\": \"\(clone)/base.raw\""), "\(info)")
                #expect(info.contains("\"backing-filename-format\": \"raw\""), "\(info)")
                // To find a path's dataset is no opening (O_PATH).
                let opened = try await need(
                    "grep -v O_PATH \(stage.lab.folder)/trace | grep -c -e base.raw -e \(secret) || true")
                #expect(opened == "0", "\(opened)")
                let read = try await need("qemu-io -r -f qcow2 -c 'read -v 0 64' \(clone)/rawbase-vda.raw")
                #expect(read.contains("QFI") && !read.contains("TTTT"), "\(read)")
                try await need("virsh undefine beside")
                try await destroy("\(stage.lab.pool)/beside")
            }
        }
    }
}
