import Hypervisor
import Support
import Testing
import XMLTree
import ZFS

@testable import VSphereHypervisor

@Suite("Discovery")
struct DiscoveryTests {
    private struct Places: DatastoreResolver {
        func datasets(of datastore: DatastoreKind) -> [DatasetName] {
            switch datastore {
            case .nfs(let hosts, "/tank/vmware") where hosts.contains("10.0.0.5"):
                (try? [DatasetName("tank/vmware")]) ?? []
            case .vmfs(["naa.6001405aa"]): (try? [DatasetName("tank/lun")]) ?? []
            default: []
            }
        }
        func isLocal(_ datastore: DatastoreKind) -> Bool {
            if case .nfs(let hosts, _) = datastore { return hosts.contains("10.0.0.5") }
            return false
        }
    }

    private func datastore(_ id: String, _ name: String, _ info: String) -> String {
        fixtureObject(
            fixtureProperty("name", name) + "<propSet><name>info</name><val>\(info)</val></propSet>", id: id,
            type: "Datastore")
    }

    private func nas(_ host: String, _ path: String) -> String {
        "<nas><remoteHost>\(host)</remoteHost><remotePath>\(path)</remotePath></nas>"
    }

    private func inventory(_ objects: String) throws -> Inventory {
        var inventory = Inventory()
        let (objects, token) = ObjectProperties.read(try fixturePage(objects, token: "7"))
        #expect(token == "7")
        inventory.take(objects)
        return inventory
    }

    private func virtualMachine(
        _ properties: String, _ objects: String = "", rules: StorageRules = StorageRules()
    ) throws -> VirtualMachine {
        let inventory = try inventory(objects)
        return try fixtureDetails(properties).virtualMachine(
            DatastoreMap(inventory.datastores, rules: rules, resolver: Places()))
    }

    private func devices(_ inside: String) -> String {
        "<propSet><name>config.hardware.device</name><val>\(inside)</val></propSet>"
    }

    @Test("A VM is its name unescaped, its disks with their whole chains, and where each image is")
    func vm() throws {
        let vm = try virtualMachine(
            devices(
                fixtureDisk() + fixtureDevice("VirtualCdrom", "<backing><fileName>[nfs] a.iso</fileName></backing>"))
                + fixtureProperty("config.hardware.memoryMB", "4096"),
            datastore("datastore-1", "nfs", nas("10.0.0.5", "/tank/vmware"))
                + datastore("datastore-2", "nfs2", nas("elsewhere", "/tank/vmware")))
        #expect(vm.id == "vm-1")
        #expect(vm.name == "web/1")
        #expect(vm.power == .running)
        #expect(vm.memory == 4 << 30)
        let disk = try required(vm.disks.first)
        #expect(vm.disks.count == 1)
        #expect(disk.target == "scsi0:0")
        #expect(disk.chain == ["[nfs] web/web_0-000001.vmdk", "[nfs2] web/web_0.vmdk"])
        #expect(try disk.datasets == [[DatasetName("tank/vmware")], []])
    }

    @Test("What the configuration says of a datastore comes before what is found, by its whole name")
    func rules() throws {
        var rules = StorageRules()
        rules.datastores["nfs"] = try DatasetName("pool/a")
        let vm = try virtualMachine(
            devices(fixtureDisk()),
            datastore("datastore-1", "nfs", nas("10.0.0.5", "/tank/vmware"))
                + datastore("datastore-2", "nfs2", nas("10.0.0.5", "/tank/vmware")), rules: rules)
        #expect(try vm.disks.first?.datasets == [[DatasetName("pool/a")], [DatasetName("tank/vmware")]])
    }

    @Test("A VMFS is where its extents are")
    func extents() throws {
        let info =
            "<vmfs><extent><diskName>naa.6001405AA</diskName></extent><extent><diskName>naa.5b</diskName></extent></vmfs>"
        var rules = StorageRules()
        rules.luns["naa.5b"] = try DatasetName("pool/b")
        let vm = try virtualMachine(devices(fixtureDisk()), datastore("datastore-1", "nfs", info), rules: rules)
        #expect(try vm.disks.first?.datasets?.first == [DatasetName("tank/lun"), DatasetName("pool/b")])
    }

    @Test(
        "A VM that the server does not reach counts as running, whatever was last known",
        arguments: ["disconnected", "inaccessible", "orphaned", "invalid"])
    func unreachable(_ connection: String) throws {
        let page = try fixturePage(
            fixtureObject(
                fixtureProperty("name", "a") + fixtureProperty("runtime.connectionState", connection)
                    + fixtureProperty("runtime.powerState", "poweredOff") + devices(fixtureDisk())))
        let details = VMDetails(try required(ObjectProperties.read(page).objects.first))
        #expect(details.power == .running)
        #expect(details.notes.count == 1)
        #expect(details.obstacle(to: .quiesce, targets: ["scsi0:0"]) != nil)
    }

    @Test("A VM is known by its instance UUID and its BIOS UUID, as far as the server tells them")
    func uuids() throws {
        let (own, bios) = ("52d63eee-0000-4000-8000-000000000009", "4206c0de-0000-4000-8000-000000000002")
        let both = try fixtureDetails(
            fixtureProperty("config.uuid", bios) + fixtureProperty("config.instanceUuid", own))
        #expect(both.uuids == [own, bios])
        let map = DatastoreMap([], rules: StorageRules(), resolver: NoDatastores())
        #expect(both.virtualMachine(map).uuids == [own, bios])
        #expect(try fixtureDetails(fixtureProperty("config.uuid", bios)).uuids == [bios])
        #expect(try fixtureDetails("").uuids == [])
    }

    @Test("Templates are off, suspended VMs say where their RAM is")
    func power() throws {
        #expect(try fixtureDetails(fixtureProperty("config.template", "true")).power == .off)
        let page = try fixturePage(
            fixtureObject(
                fixtureProperty("runtime.connectionState", "connected")
                    + fixtureProperty("runtime.powerState", "suspended")))
        let details = VMDetails(try required(ObjectProperties.read(page).objects.first))
        #expect(details.power == .suspended)
        #expect(details.notes == ["suspended: its RAM is in its files"])
    }

    @Test("An independent disk is said to be no part of VM snapshots; alone, it forbids them")
    func independent() throws {
        let mode = "<diskMode>independent_persistent</diskMode>"
        let details = try fixtureDetails(
            devices(fixtureDisk() + fixtureDisk(unit: 1, mode))
                + fixtureProperty("guest.toolsRunningStatus", "guestToolsRunning"))
        #expect(details.notes == ["scsi0:1 is independent: no part of VM snapshots, so crash-consistent"])
        #expect(details.obstacle(to: .quiesce, targets: ["scsi0:0", "scsi0:1"]) == nil)
        #expect(details.obstacle(to: .quiesce, targets: ["scsi0:1"]) != nil)
        #expect(details.obstacle(to: .memory, targets: ["scsi0:0"]) != nil)
    }

    @Test("Fault Tolerance forbids snapshots", arguments: [("notConfigured", true), ("running", false)])
    func faultTolerance(_ state: String, _ isFine: Bool) throws {
        let details = try fixtureDetails(
            devices(fixtureDisk()) + fixtureProperty("runtime.faultToleranceState", state)
                + fixtureProperty("guest.toolsRunningStatus", "guestToolsRunning"))
        #expect((details.obstacle(to: .quiesce, targets: ["scsi0:0"]) == nil) == isFine)
    }

    @Test(
        "Names lose the server's escapes",
        arguments: [("a%2fb", "a/b"), ("a%2Fb%5c%25", "a/b\\%"), ("100%", "100%"), ("%zz%2", "%zz%2"), ("", "")])
    func names(_ name: String, _ wanted: String) {
        #expect(unescaped(name) == wanted)
    }

    @Test(
        "A name is decoded once, wherever it comes from: VM, datastore, snapshot",
        arguments: [("a%2fb", "a/b"), ("50%2525", "50%25")])
    func decoded(_ name: String, _ wanted: String) throws {
        var rules = StorageRules()
        rules.datastores[wanted] = try DatasetName("pool/a")
        let vm = try virtualMachine(
            devices(fixtureDisk()), datastore("datastore-1", name, nas("elsewhere", "/x")), rules: rules)
        #expect(try vm.disks.first?.datasets?.first == [DatasetName("pool/a")])
        let page = try fixturePage(
            fixtureObject(fixtureProperty("name", name))
                + fixtureObject(
                    "<propSet><name>info</name><val><name>\(name)</name></val></propSet>", id: "d", type: "Datastore"))
        let objects = ObjectProperties.read(page).objects
        #expect(VMDetails(try required(objects.first)).name == wanted)
        #expect(Datastore(try required(objects.last)).name == wanted)
        let tree = try XMLElement.parse(
            "<val><rootSnapshotList><snapshot type='VirtualMachineSnapshot'>s</snapshot><name>\(name)</name></rootSnapshotList></val>"
        )
        #expect(TreeSnapshot.all(in: tree).map(\.name) == [wanted])
    }

    @Test("check tells of what the configuration and the inventory do not agree on")
    func findings() throws {
        var inventory = try inventory(
            datastore("datastore-1", "nfs", nas("10.0.0.5", "/tank/vmware"))
                + datastore("datastore-2", "alias", nas("10.0.0.5", "/tank/vmware"))
                + datastore("datastore-3", "lost", nas("10.0.0.5", "/nowhere"))
                + datastore("datastore-4", "theirs", nas("elsewhere", "/x")))
        inventory.vms = [try fixtureDetails(""), try fixtureDetails(devices(fixtureDisk()))]
        var settings = HypervisorSettings(name: "vc1", kind: "vsphere", uri: "https://vc.test/sdk")
        settings.storageRules.datastores["nosuch"] = try DatasetName("tank/x")
        settings.storageRules.luns["naa.1"] = try DatasetName("tank/x")
        var findings = InventoryChecks(inventory: inventory, settings: settings, resolver: Places())
        #expect(findings.mapped == [.vm("vm-1")])
        findings.missingPrivileges = [.vm("vm-1"): ["VirtualMachine.State.RemoveSnapshot"]]
        let found = findings.all
        for words in ["nosuch", "naa.1", "lost", "alias, nfs", "web/1", "State.RemoveSnapshot"] {
            #expect(found.contains { "\($0)".has(words) }, "\(words)")
        }
        #expect(found.count == 6)
        #expect(found.contains { $0.code == .privilegesMissing } && found.contains { $0.code == .datasetShared })
        #expect(found.contains { $0.code == .disksUnreadable })
        let foreign = InventoryChecks.foreign(inventory.datastores, settings, Places())
        #expect(foreign.count == 1)
        #expect(foreign.first?.code == .datastoreForeign)
        #expect(foreign.first?.what.has("the datastore theirs is /x of elsewhere, which is not this host") == true)
    }

    @Test("check tells of an account that sees no VM, and of a VM snapshot that a run left")
    func remains() throws {
        var inventory = try inventory("")
        let settings = HypervisorSettings(name: "vc1", kind: "vsphere", uri: "https://vc.test/sdk")
        func codes() -> [FindingCode] {
            InventoryChecks(inventory: inventory, settings: settings, resolver: Places()).all.map(\.code)
        }
        #expect(codes() == [.nothingVisible])
        let tree =
            "<rootSnapshotList><snapshot type=\"VirtualMachineSnapshot\">s</snapshot>"
            + "<name>stillpoint 20261121T110000Z-1f3c9a</name></rootSnapshotList>"
        inventory.vms = [try fixtureDetails(devices(fixtureDisk()) + fixtureProperty("snapshot", tree))]
        #expect(codes() == [.serverSnapshotLeft])
    }

    @Test(
        "The account must be allowed to what the configuration's strategies do, and to no more",
        arguments: [
            ([Strategy.quiesce, .crashConsistent], ["State.CreateSnapshot", "State.RemoveSnapshot"]),
            ([.pause], ["Interact.Suspend", "Interact.PowerOn"]),
            ([.shutdown], ["Interact.PowerOff", "Interact.PowerOn"]),
            (
                [.memory, .shutdown, .pause],
                [
                    "State.CreateSnapshot", "State.RemoveSnapshot", "Interact.Suspend", "Interact.PowerOff",
                    "Interact.PowerOn",
                ]
            ), ([.freeze, .ignore], []),
        ])
    func privileges(_ strategies: [Strategy], _ needed: [String]) {
        #expect(Privileges.needed(for: Set(strategies)) == needed.map { "VirtualMachine." + $0 })
    }
}
