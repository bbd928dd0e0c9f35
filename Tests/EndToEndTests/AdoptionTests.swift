import Testing

extension RealParts {
    @Suite("An overlay whose state file is lost")
    struct AdoptionTests {
        @Test("is named by check and recover, and released by recover --adopt, with the VM on and off")
        func adopted() async throws {
            let guests = [Stage.Guest(name: "lost", disks: 2), Stage.Guest(name: "idle")]
            try await Stage.with("adopted", guests) { stage in
                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@a; zfs snapshot \(stage.dataset)@a; sleep 1")
                // Its watchdog ends when the run is not there any more.
                try await need("rm \(stage.lab.runs)/*.json")
                try await stage.change(guests[1], "virsh -q destroy $n")
                for command in ["check", "recover"] {
                    let said = try await shell("\(stage.stillpoint) \(command)")
                    #expect(said.status == (command == "check" ? 1 : 3), "\(said.errors)")
                    for part in [
                        "lost: the run ", stage.image(guests[0], "vdb"), stage.lab.overlays, "recover --adopt",
                    ] {
                        #expect((said.output + said.errors).contains(part), "\(said.output)\(said.errors)")
                    }
                    let problems = said.output.split(separator: "\n").filter { $0.hasPrefix("problem: lost: the run ") }
                    #expect(command == "recover" || !problems.isEmpty, "\(said.output)")
                    #expect(
                        problems.allSatisfy { $0.hasSuffix("; fix: stillpoint recover --adopt [SP603]") },
                        "\(said.output)")
                }
                let adopted = try await shell("\(stage.stillpoint) recover --adopt")
                #expect(adopted.status == 0, "\(adopted.errors)")
                try await stage.expectNothingLeft()
                for guest in guests { try await stage.expectAllThere(guest) }
            }
        }
    }

    @Suite("A VM snapshot whose run and overlays are gone")
    struct SnapshotAdoptionTests {
        @Test("is named by check and recover, and deleted by recover --adopt")
        func adopted() async throws {
            let guest = Stage.Guest(name: "marked")
            try await Stage.with("marked", [guest]) { stage in
                let (s, xml) = ("\(stage.dataset)@a", "\(stage.lab.folder)/snapshot.xml")
                try await need(
                    """
                    set -e; \(stage.lab.preSnapshot) \(s); zfs snapshot \(s)
                    virsh snapshot-dumpxml marked $(virsh snapshot-list marked --name | head -n 1) > \(xml)
                    \(stage.lab.postSnapshot) \(s); virsh -q snapshot-create marked \(xml) --redefine
                    """)
                for command in ["check", "recover"] {
                    let said = try await shell("\(stage.stillpoint) \(command)")
                    let text = said.output + said.errors
                    #expect(said.status == (command == "check" ? 1 : 3), "\(text)")
                    #expect(text.contains("marked: the run ") && text.contains("left a VM snapshot"), "\(text)")
                }
                let adopted = try await shell("\(stage.stillpoint) recover --adopt")
                #expect(adopted.status == 0, "\(adopted.errors)")
                #expect(try await need("virsh snapshot-list marked --name").allSatisfy(\.isWhitespace))
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }
    }

    @Suite("Old is never put over new")
    struct NewerBaseTests {
        @Test("a base that a twin or another program has written, or has, is not touched, and the message says all")
        func twin() async throws {
            let guest = Stage.Guest(name: "older")
            try await Stage.with("newer", [guest]) { stage in
                let (s, base) = ("\(stage.dataset)@a", stage.image(guest, "vda"))
                try await need("\(stage.lab.preSnapshot) \(s); zfs snapshot \(s); sleep 1")
                try await stage.change(
                    guest,
                    """
                    virsh -q destroy $n
                    virsh dumpxml --inactive $n | sed '/<uuid>/d; s#<name>older#<name>twin#
                        s#\(stage.lab.overlays)/[^"'"'"']*#\(base)#; s#type=.qcow2.#type="raw"#' > \(stage.lab.folder)/twin.xml
                    virsh -q define \(stage.lab.folder)/twin.xml
                    """)
                // Off, and yet it is somebody's.
                let defined = try await shell("\(stage.lab.postSnapshot) \(s)")
                #expect(defined.status == 3, "\(defined.errors)")
                #expect(defined.errors.contains("the VM twin uses \(base) as its vda"), "\(defined.errors)")
                try await need("virsh -q undefine twin")
                // A program that has it open.
                let opened = try await shell(
                    "exec 7<>\(base); (unset STILLPOINT_X; \(stage.lab.postSnapshot) \(s) 7>&-)")
                #expect(opened.status == 3, "\(opened.errors)")
                #expect(opened.errors.contains("has \(base) open"), "\(opened.errors)")
                // Written, and released.
                let written = try await shell(
                    "dd if=\(base) of=\(base) bs=512 count=1 conv=notrunc 2>/dev/null; \(stage.lab.postSnapshot) \(s)")
                #expect(written.status == 3, "\(written.errors)")
                for part in ["older", "\(base) was written by somebody else", stage.lab.overlays, "qemu-img commit"] {
                    #expect(written.errors.contains(part), "\(written.errors)")
                }
                // What the message says is the way out.
                try await need(
                    """
                    set -e; overlay=$(ls \(stage.lab.overlays)/older-*.qcow2); qemu-img commit -q -d -f qcow2 $overlay
                    virsh dumpxml --inactive older | sed "s#$overlay#\(base)#; s#type='qcow2'#type='raw'#" \
                        > \(stage.lab.folder)/older.xml
                    virsh -q define \(stage.lab.folder)/older.xml; rm $overlay; \(stage.stillpoint) recover
                    """)
                try await stage.expectNothingLeft()
                try await stage.expectAllThere(guest)
            }
        }
    }
}
