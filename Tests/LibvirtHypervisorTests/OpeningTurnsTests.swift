import Dispatch
import Support
import Synchronization
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("Connections that are opened")
struct OpeningTurnsTests {
    @Test("are four at once to one address, and those to another do not wait for them")
    func places() async throws {
        let gate = DispatchSemaphore(value: 0)
        let inside = Mutex(0)
        for _ in 0..<6 {
            startThread {
                OpeningTurns.take(of: "qemu+ssh://a") {
                    inside.withLock { $0 += 1 }
                    gate.wait()
                }
            }
        }
        while inside.withLock({ $0 }) < 4 { try? await Task.sleep(for: .milliseconds(5)) }
        #expect(OpeningTurns.take(of: "qemu+ssh://b") { inside.withLock { $0 } } == 4)
        for _ in 0..<6 { gate.signal() }
        #expect(try await eventually { inside.withLock { $0 } == 6 })
    }
}
