import Hypervisor
import Synchronization
import Testing

@testable import LibvirtHypervisor

@Suite("The hold of a VM whose disks are committed at once")
struct FreezeStateJournalTests {
    private static func disk(_ target: String) -> OverlayDisk {
        OverlayDisk(target: target, base: "/tank/\(target).raw", baseFormat: "raw", overlay: "/o/\(target).qcow2")
    }

    private static let freezeState = FreezeState(
        step: .releasing, snapshot: "stillpoint-1", disks: ["vda", "vdb"].map(disk))

    @Test("is never recorded older than before, though the first record takes long")
    func order() async throws {
        let recorded = Mutex<[FreezeState?]>([])
        let journal = FreezeStateJournal(Self.freezeState) { freezeState in
            if recorded.withLock(\.isEmpty) { try await Task.sleep(for: .milliseconds(200)) }
            recorded.withLock { $0.append(freezeState) }
        }
        async let first: Void = journal.reach(.pivotRequested, Self.disk("vda"))
        try await Task.sleep(for: .milliseconds(50))
        try await journal.reach(.pivotRequested, Self.disk("vdb"))
        // What vdb asked for is durable, and so is what vda asked for before it.
        let last = try #require(recorded.withLock { $0.last } ?? nil)
        #expect(last.disks.map(\.progress) == [.pivotRequested, .pivotRequested])
        try await first
        #expect(recorded.withLock(\.count) == 2)
        #expect(await journal.freezeState == last)
    }

    @Test("tells whoever asked that a record failed, and records that change with the next one")
    func failure() async throws {
        struct Full: Error {}
        let recorded = Mutex<[FreezeState?]>([])
        let isFull = Mutex(true)
        let journal = FreezeStateJournal(Self.freezeState) { freezeState in
            if isFull.withLock({ $0 }) { throw Full() }
            recorded.withLock { $0.append(freezeState) }
        }
        await #expect(throws: Full.self) { try await journal.reach(.pivotRequested, Self.disk("vda")) }
        await #expect(throws: Full.self) { try await journal.reach(.pivotRequested, Self.disk("vda")) }
        isFull.withLock { $0 = false }
        try await journal.reach(.pivotRequested, Self.disk("vda"))
        #expect(recorded.withLock { $0.last }??.disks[0].progress == .pivotRequested)
    }

    @Test("keeps many changes that come at once, in few records")
    func many() async throws {
        let disks = (0..<20).map { Self.disk("vd\($0)") }
        let recorded = Mutex<[FreezeState?]>([])
        let journal = FreezeStateJournal(FreezeState(step: .releasing, snapshot: "s", disks: disks)) { freezeState in
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...20)))
            recorded.withLock { $0.append(freezeState) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for disk in disks { group.addTask { try await journal.reach(.pivotRequested, disk) } }
            try await group.waitForAll()
        }
        let all = recorded.withLock { $0.compactMap { $0 } }
        let counts = all.map { $0.disks.count { $0.progress == .pivotRequested } }
        #expect(counts == counts.sorted())
        #expect(counts.last == 20)
    }

    @Test("forgets what it knew of a base once the guest writes to it, and not before")
    func stamp() {
        var freezeState = Self.freezeState
        freezeState.disks[0].baseAtRest = ImageStamp(boot: "b", modified: 1, inode: 1, bytes: 1, sectors: nil)
        freezeState.set(.pivotRequested, of: freezeState.disks[0].overlay)
        #expect(freezeState.disks[0].baseAtRest != nil)
        freezeState.set(.committed, of: freezeState.disks[0].overlay)
        #expect(freezeState.disks[0].baseAtRest == nil)
    }
}
