import Testing

@testable import LibvirtHypervisor

@Suite("The fence between a freeze and the move of the disks")
struct FreezeWindowFenceTests {
    @Test("keeps a window that was given up from moving disks, and tells whether it came too late")
    func fence() {
        let early = FreezeWindowFence()
        #expect(early.close() && !early.pass() && early.passedAt == nil)
        let late = FreezeWindowFence()
        #expect(late.passedAt == nil)
        #expect(late.pass() && !late.close())
        #expect(late.passedAt.map { $0 <= .now } == true)
        let twice = FreezeWindowFence()
        #expect(twice.close() && !twice.close() && !twice.pass())
    }

    @Test("is passed or closed, never both, when both come at once")
    func race() async {
        for _ in 1...500 {
            let fence = FreezeWindowFence()
            async let passed = Task.detached { fence.pass() }.value
            async let closed = Task.detached { fence.close() }.value
            let (a, b) = await (passed, closed)
            #expect(a != b)
        }
    }
}
