import Synchronization
import Testing

@testable import LibvirtHypervisor

@Suite("The gate before a domain's first pivot")
struct CommitGateTests {
    private func gate(_ overlays: [String]) -> (gate: CommitGate, changes: @Sendable () -> Int) {
        let count = Box()
        return (CommitGate(overlays) { count.value.withLock { $0 += 1 } }, { count.value.withLock { $0 } })
    }

    private final class Box: Sendable {
        let value = Mutex(0)
    }

    @Test("opens when the last commit has begun, and says so once")
    func opens() {
        let (gate, changes) = gate(["a", "b"])
        gate.arrive("a")
        gate.arrive("a")
        #expect(!gate.isOpen)
        #expect(changes() == 0)
        gate.arrive("b")
        gate.arrive("b")
        #expect(gate.isOpen)
        #expect(!gate.isShut)
        #expect(changes() == 1)
    }

    @Test("is shut where nobody knows whether a commit will begin; one that was open stays so")
    func shuts() {
        let (gate, changes) = gate(["a", "b"])
        gate.arrive("a")
        gate.shut()
        #expect(gate.isShut)
        #expect(!gate.isOpen)
        #expect(changes() == 1)
        let (open, _) = self.gate(["a"])
        open.arrive("a")
        open.shut()
        #expect(open.isOpen)
        #expect(!open.isShut)
    }

    @Test(
        "is passed by a disk whose commit runs or has ended, not by one that waits",
        arguments: [
            (.done, true), (.wait, true), (.pivot, true), (.startActiveCommit, false), (.startCommitBelow, false),
            (.waitForOther, false),
        ] as [(CommitStep, Bool)])
    func begun(step: CommitStep, hasBegun: Bool) {
        #expect(step.hasBegun == hasBegun)
    }
}
