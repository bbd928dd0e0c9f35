import DiskLocation
import Hypervisor
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("Overlays in a storage pool")
struct PoolOverlayStoreTests {
    private static let disk = disk(in: "/o")

    private static func disk(in folder: String) -> OverlayDisk {
        OverlayDisk(
            target: "vda", base: "/mnt/vm/web.raw", baseFormat: "raw",
            overlay: "\(folder)/web-1-vda.stillpoint.qcow2")
    }

    /// libvirt's test driver is one host for the whole process, so each test has a folder of its own.
    private static func store(_ overlays: String = "/o") throws -> PoolOverlayStore {
        let settings = RemoteSiteTests.settings(overlays: overlays)
        let connection = try Connection(uri: settings.uri, site: settings.site)
        return try #require(settings.overlayStore(on: connection) as? PoolOverlayStore)
    }

    @Test("are made over their bases, found, and deleted by libvirt alone")
    func cycle() async throws {
        let store = try Self.store("/made")
        let disk = Self.disk(in: "/made")
        try await store.requireAbsence(of: [disk])
        #expect(try store.content(of: disk) == .missing)
        for result in await store.create([disk], capacities: [1 << 20], run: "1") { _ = try result.get() }
        // libvirt's test driver tells no file's length.
        #expect(try store.content(of: disk) == .written)
        #expect(try store.names() == ["web-1-vda.stillpoint.qcow2"])
        #expect(store.backing(of: disk.overlay)?.name == disk.base)
        let error = await #expect(throws: HypervisorError.self) { try await store.requireAbsence(of: [disk]) }
        #expect(error?.remedy == .fallBack && error?.message.contains("exists still") == true)
        let other = OverlayDisk(target: "vda", base: "/mnt/vm/x.raw", baseFormat: "raw", overlay: disk.overlay)
        #expect(try store.content(of: other) == .refused("below it is /mnt/vm/web.raw"))
        try store.remove(disk)
        try store.remove(disk)
        #expect(try store.names().isEmpty)
    }

    @Test("are refused where libvirt would round the disk's size; nothing is left then")
    func refused() async throws {
        let store = try Self.store("/refused")
        let disk = Self.disk(in: "/refused")
        try await store.requireAbsence(of: [])
        let results = await store.create([disk], capacities: [(1 << 20) + 512], run: "1")
        let error = #expect(throws: HypervisorError.self) { try results[0].get() }
        #expect(error?.remedy == .fallBack)
        #expect(try store.names().isEmpty)
    }

    @Test(
        "hold nothing as long as their files are no longer than qemu-img makes them",
        arguments: [
            (1 << 20, 4), (512 << 20, 4), (8 << 40, 5), ((4 << 40) + 1, 5), (4 << 40, 4),
        ] as [(UInt64, UInt64)])
    func length(capacity: UInt64, clusters: UInt64) {
        #expect(PoolOverlayStore.unwrittenLength(capacity: capacity) == clusters << 16)
    }

    @Test("are known by what they say, and one that says anything else is none of ours")
    func problem() throws {
        func document(_ path: String, _ base: String, _ format: String, _ size: Int = 1024) throws -> XMLElement {
            try XMLElement.parse(
                """
                <volume><capacity unit='bytes'>\(size)</capacity><target><path>\(path)</path></target>
                <backingStore><path>\(base)</path><format type='\(format)'/></backingStore></volume>
                """)
        }
        let (store, disk) = (try Self.store(), Self.disk)
        func problem(_ document: XMLElement) -> String? { store.problem(disk, document, capacity: 1024) }
        #expect(problem(try document(disk.overlay, disk.base, "raw")) == nil)
        #expect(problem(try document("/o/x", disk.base, "raw")) != nil)
        #expect(problem(try document(disk.overlay, "/x", "raw")) != nil)
        #expect(problem(try document(disk.overlay, disk.base, "qcow2")) != nil)
        #expect(problem(try document(disk.overlay, disk.base, "raw", 2048)) != nil)
    }

    @Test("tell a domain's start from a later one by its number and the processor time it had used")
    func start() throws {
        let connection = try Connection(uri: "test:///default")
        let store = try Self.store()
        let domain = try #require(try connection.domains().first).domain
        let live = try domain.description()
        var freezeState = FreezeState(step: .held, snapshot: "stillpoint-1", disks: [])
        #expect(!store.isSameProcess(domain, live, as: freezeState))
        freezeState.start = store.start(of: domain, live)
        #expect(freezeState.start != nil && store.isSameProcess(domain, live, as: freezeState))
        let number = try #require(live.number)
        for (start, isSame) in [
            ("\(number)/1", true), ("17/1", false), ("\(number)/\(UInt64.max)", false), ("x", false),
        ] {
            freezeState.start = start
            #expect(store.isSameProcess(domain, live, as: freezeState) == isSame, "\(start)")
        }
    }

    @Test("of a VM that is off are left with the commands, and nothing is run")
    func off() async throws {
        let store = try Self.store("/off")
        let disk = Self.disk(in: "/off")
        try await store.requireAbsence(of: [])
        for result in await store.create([disk], capacities: [1 << 20], run: "1") { _ = try result.get() }
        let state = FreezeState(step: .releasing, snapshot: "stillpoint-1", disks: [disk])
        let domain = try #require(try store.connection.domains().first).domain
        for (domain, words) in [
            (domain, ["virsh start test", "qemu-img commit -d -f qcow2 \(disk.overlay)", "virsh edit test"]),
            (nil, ["was undefined", "rm \(disk.overlay)"]),
        ] as [(Domain?, [String])] {
            let commit = OfflineCommit(
                connection: store.connection, machineID: "1", domain: domain, limit: .seconds(1),
                journal: FreezeStateJournal(state) { _ in })
            let item = OfflineCommit.Item(disk: disk, isOrphan: domain == nil)
            let error = await #expect(throws: HypervisorError.self) {
                try await store.release([item], .off, by: commit)
            }
            #expect(error?.remedy == .stop)
            for word in words { #expect(error?.message.contains(word) == true, "\(error?.message ?? "")") }
        }
        #expect(try store.names().count == 1)
    }
}
