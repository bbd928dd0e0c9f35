import Hypervisor
import LibvirtHypervisor
import Testing

extension RealParts {
    @Suite("libvirt restores VMs")
    struct LibvirtRestoreTests {
        /// A guest whose RAM was dumped and whose dataset was cloned at that moment. It is off.
        struct Dumped {
            let stage: Stage
            let hypervisor: LibvirtHypervisor
            let id: String
            let keepsake: ExportedDefinition
            let dump: String
            /// The mount point of the clone.
            let clone: String

            var guest: Stage.Guest { stage.guests[0] }

            func request(
                newName: String? = nil, moved: Bool = true, base: Bool = false, files: [SavedFile]? = nil,
                withRAM: Bool = true,
                power: RestoreRequest.Power = .running, linksUp: Bool? = nil
            ) async throws -> RestoreRequest {
                let copy = "\(stage.lab.folder)/copy.save"
                try await need("cp --sparse=always \(dump) \(copy)")
                let disk = PathMove(from: stage.image(guest, "vda"), to: stage.image(guest, "vda", in: clone))
                let below = PathMove(from: "/\(stage.dataset)/base", to: clone + "/base")
                return RestoreRequest(
                    definition: keepsake.definition, files: files ?? keepsake.files,
                    moves: (moved ? [disk] : []) + (base ? [below] : []),
                    newName: newName, ramDump: withRAM ? copy : nil, power: power, linksUp: linksUp)
            }
        }

        private func withDumped(
            _ name: String, isChain: Bool = false, hasVariables: Bool = false,
            _ body: (Dumped) async throws -> Void
        ) async throws {
            try await Stage.with(name, [Stage.Guest(name: name)]) { stage in
                var settings = HypervisorSettings(name: "local")
                (settings.overlayDirectory, settings.ramDirectory) = (stage.lab.overlays, stage.lab.folder)
                let hypervisor = LibvirtHypervisor(settings)
                // A card and a password, which the lab's guests do not have.
                let card = "<interface type='user'><mac address='52:54:00:aa:bb:cc'/><model type='virtio'/></interface>"
                let display = "<graphics type='vnc' port='5977' autoport='no' passwd='secret'/>"
                let image = stage.image(stage.guests[0], "vda")
                let base = "/\(stage.dataset)/base"
                let format = isChain ? "s|type='raw' cache|type='qcow2' cache|;" : ""
                // SeaBIOS works in flash memory, too, and with a second one beside it.
                let firmware = """
                    <loader readonly='yes' type='pflash'>\(stage.lab.folder)/bios</loader>\
                    <nvram template='\(stage.lab.folder)/vars'>\(stage.lab.folder)/\(name)_VARS.fd</nvram>
                    """
                let loader = hasVariables ? "s|</os>|\(firmware)</os>|;" : ""
                let makeChain = "mv \(image) \(base); qemu-img create -f qcow2 -F raw -b \(base) \(image)"
                try await need(
                    """
                    virsh destroy \(name)
                    \(isChain ? makeChain : "true")
                    cp /usr/share/seabios/bios-256k.bin \(stage.lab.folder)/bios
                    truncate -s 128K \(stage.lab.folder)/vars
                    virsh dumpxml --inactive \(name) | sed "\(format)\(loader)s|</devices>|\(card)\(display)</devices>|" \
                        > \(stage.lab.folder)/new.xml
                    virsh define \(stage.lab.folder)/new.xml
                    rm \(stage.lab.folder)/\(name).log
                    virsh start \(name) && \(stage.lab.program) wait \(name)
                    """)
                let id = try await need("virsh domuuid \(name) | head -n 1")
                let keepsake = try #require(await hypervisor.exportDefinition(of: id))
                #expect(keepsake.definition.contains("secret"))
                let dump = "\(stage.lab.folder)/\(name).save"
                let clone = "\(stage.lab.pool)/\(name)-clone"
                try await need(
                    """
                    virsh save \(name) \(dump) && zfs snapshot \(stage.dataset)@still && \
                        zfs clone \(stage.dataset)@still \(clone)
                    """)
                let dumped = Dumped(
                    stage: stage, hypervisor: hypervisor, id: id, keepsake: keepsake, dump: dump, clone: "/" + clone)
                let result: Result<Void, any Error>
                do {
                    result = .success(try await body(dumped))
                } catch {
                    result = .failure(error)
                }
                _ = try? await shell(
                    "virsh destroy \(name)-test; virsh undefine --nvram \(name)-test; virsh destroy \(name); virsh undefine --nvram \(name); zfs destroy \(clone)"
                )
                await hypervisor.close()
                try result.get()
            }
        }

        /// The guest's own count of seconds in RAM.
        private func count(in log: String) async throws -> Int {
            Int(try await need("awk '/^RAM [0-9]+\\r$/ { n = $2 + 0 } END { print n + 0 }' \(log)")) ?? 0
        }

        @Test("A clone resumes from RAM beside the running original, as a VM of its own and with its links down")
        func clone() async throws {
            try await withDumped("twin") { dumped in
                let log = "\(dumped.stage.lab.folder)/twin.log"
                let before = try await count(in: log)
                #expect(before > 0)
                try await need("virsh start twin")
                let machine = try await dumped.hypervisor.restore(
                    await dumped.request(newName: "twin-test", linksUp: false))
                #expect(machine.name == "twin-test" && machine.power == .running && machine.id != dumped.id)
                #expect(machine.disks.first?.source == dumped.stage.image(dumped.guest, "vda", in: dumped.clone))
                #expect(machine.memory == 128 << 20)
                try await Task.sleep(for: .seconds(3))
                // It counts on where the dump left off, in a file of its own, and its agent answers.
                let after = try await count(in: log + ".twin-test")
                #expect(after > before && after < before + 60)
                #expect(try await shell("grep -c BOOT \(log).twin-test").text == "0")
                try await need("virsh qemu-agent-command --timeout 5 twin-test '{\"execute\":\"guest-ping\"}'")
                let live = try await need("virsh dumpxml twin-test")
                #expect(live.contains("<link state='down'/>") && !live.contains("52:54:00:aa:bb:cc"))
                #expect(!live.contains("5977"))
                #expect(try await need("virsh domstate twin | head -n 1") == "running")
                // A second one of that name is refused, and the first one not touched.
                let error = await #expect(throws: HypervisorError.self) {
                    try await dumped.hypervisor.restore(await dumped.request(newName: "twin-test"))
                }
                #expect(error?.code == .exists)
                #expect(try await need("virsh domstate twin-test | head -n 1") == "running")
                try await dumped.hypervisor.stop(id: machine.id)
                try await dumped.hypervisor.stop(id: machine.id)
                #expect(try await dumped.hypervisor.virtualMachine(id: machine.id)?.power == .off)
                try await dumped.hypervisor.stop(id: "00000000-0000-4000-8000-00000000dead")
            }
        }

        @Test(
            "A clone's chain of images is the clone's from top to bottom, with RAM and without",
            arguments: [true, false])
        func chain(withRAM: Bool) async throws {
            try await withDumped("chain", isChain: true) { dumped in
                let machine = try await dumped.hypervisor.restore(
                    await dumped.request(newName: "chain-test", base: true, withRAM: withRAM))
                let top = dumped.stage.image(dumped.guest, "vda", in: dumped.clone)
                #expect(machine.disks.map(\.chain) == [[top, dumped.clone + "/base"]])
                // Also in QEMU's own words; the header of the qcow2 still names the original's.
                let nodes = try await need(
                    "virsh qemu-monitor-command chain-test '{\"execute\":\"query-named-block-nodes\"}'")
                #expect(nodes.contains("\"backing_file\":\"\(dumped.clone)/base\""))
                #expect(!nodes.contains("\"backing_file\":\"/\(dumped.stage.dataset)/base\""))
            }
        }

        @Test("A clone without RAM boots with its links down; a paused one stands still")
        func boot() async throws {
            try await withDumped("cold") { dumped in
                let machine = try await dumped.hypervisor.restore(
                    await dumped.request(newName: "cold-test", withRAM: false, power: .paused, linksUp: false))
                #expect(machine.power == .paused)
                #expect(try await need("virsh dumpxml cold-test").contains("<link state='down'/>"))
                #expect(try await need("virsh dumpxml --inactive cold-test").contains("<link state='down'/>"))
            }
        }

        @Test("UEFI variables are copied for a clone, removed with one that fails, and put back for the VM itself")
        func variables() async throws {
            try await withDumped("uefi", hasVariables: true) { dumped in
                let folder = dumped.stage.lab.folder
                #expect(dumped.keepsake.files == [SavedFile(name: "nvram", path: "\(folder)/uefi_VARS.fd")])
                try await need("cp \(folder)/uefi_VARS.fd \(folder)/kept && echo changed > \(folder)/uefi_VARS.fd")
                let kept = [SavedFile(name: "nvram", path: folder + "/kept")]
                for withRAM in [true, false] {
                    let request = try await dumped.request(newName: "uefi-test", files: kept, withRAM: withRAM)
                    let machine = try await dumped.hypervisor.restore(request)
                    #expect(try await need("virsh dumpxml uefi-test").contains("\(folder)/uefi-test_VARS.fd"))
                    try await need("cmp \(folder)/kept \(folder)/uefi-test_VARS.fd")
                    try await dumped.hypervisor.stop(id: machine.id)
                    try await need("virsh undefine --nvram uefi-test; mv \(dumped.clone)/uefi-vda.raw \(folder)/away")
                    await #expect(throws: HypervisorError.self) {
                        try await dumped.hypervisor.restore(
                            await dumped.request(newName: "uefi-test", files: kept, withRAM: withRAM))
                    }
                    #expect(try await shell("ls \(folder)/uefi-test_VARS.fd || virsh dominfo uefi-test").status != 0)
                    try await need("mv \(folder)/away \(dumped.clone)/uefi-vda.raw")
                }
                _ = try await dumped.hypervisor.restore(await dumped.request(moved: false, files: kept))
                try await need("cmp \(folder)/kept \(folder)/uefi_VARS.fd")
            }
        }

        @Test("The VM itself is put back with its RAM; a running one is not touched")
        func putBack() async throws {
            try await withDumped("back") { dumped in
                try await need("virsh start back")
                let error = await #expect(throws: HypervisorError.self) {
                    try await dumped.hypervisor.restore(await dumped.request(moved: false))
                }
                #expect(error?.code == .changed)
                let log = "\(dumped.stage.lab.folder)/back.log"
                // A managed save must not be what it resumes from.
                try await need("virsh managedsave back && zfs rollback \(dumped.stage.dataset)@still && echo > \(log)")
                let machine = try await dumped.hypervisor.restore(await dumped.request(moved: false))
                #expect(machine.id == dumped.id && machine.name == "back" && machine.power == .running)
                try await Task.sleep(for: .seconds(2))
                #expect(try await count(in: log) > 0)
                #expect(try await shell("grep -c BOOT \(log)").text == "0")
                #expect(try await need("virsh dominfo back").contains("Managed save:   no"))
                #expect(try await need("virsh dumpxml back").contains("52:54:00:aa:bb:cc"))
                try await need("virsh qemu-agent-command --timeout 5 back '{\"execute\":\"guest-ping\"}'")
            }
        }

        @Test("A restore that fails leaves no new VM behind, and one that was there defined and off")
        func failed() async throws {
            try await withDumped("fail") { dumped in
                try await need("mv \(dumped.clone)/fail-vda.raw \(dumped.clone)/away")
                for withRAM in [true, false] {
                    let error = await #expect(throws: HypervisorError.self) {
                        try await dumped.hypervisor.restore(
                            await dumped.request(newName: "fail-test", withRAM: withRAM))
                    }
                    #expect(error.map { "\($0)" }?.contains("fail-vda.raw") == true, "\(String(describing: error))")
                    #expect(try await shell("virsh dominfo fail-test").status != 0)
                    await #expect(throws: HypervisorError.self) {
                        try await dumped.hypervisor.restore(await dumped.request(withRAM: withRAM))
                    }
                    #expect(try await need("virsh domstate fail | head -n 1") == "shut off")
                }
            }
        }
    }
}
