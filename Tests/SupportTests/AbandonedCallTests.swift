import Dispatch
import TestSupport
import Testing

@testable import Support

@Suite("A call that changes something")
struct AbandonedCallTests {
    @Test("ends with what it gives, or throws")
    func ends() async throws {
        guard case .ended(let result) = await act("adding", within: .seconds(10), { 1 + 1 }) else {
            Issue.record("it was given up")
            return
        }
        #expect(try result.get() == 2)
        let failed = await act("failing", within: .seconds(10)) { throw CancellationError() }
        guard case .ended(.failure(let error)) = failed else {
            Issue.record("it did not fail")
            return
        }
        #expect(error is CancellationError)
    }

    @Test("that takes too long is handed back, and whoever has it can wait for its end")
    func givenUp() async throws {
        let gate = DispatchSemaphore(value: 0)
        let outcome = await act("hanging", within: .milliseconds(20)) {
            gate.wait()
            return 7
        }
        guard case .givenUp(let call) = outcome else {
            Issue.record("it has ended")
            return
        }
        #expect(await call.result(within: .milliseconds(20)) == nil)
        async let first = call.result(within: .seconds(10))
        async let second = call.result(within: .seconds(10))
        gate.signal()
        #expect(try await first?.get() == 7)
        #expect(try await second?.get() == 7)
        #expect(try await call.result(within: .zero)?.get() == 7)
    }

    @Test("is in the ledger of its task until it has ended, given up or not, also when a child task began it")
    func ledger() async throws {
        let gate = DispatchSemaphore(value: 0)
        let ledger = CallLedger()
        await ledger.counting {
            _ = await act("quick", within: .seconds(10)) {}
        }
        #expect(ledger.isClear)
        await ledger.counting {
            await withTaskGroup { group in
                group.addTask { _ = await act("hanging", within: .milliseconds(10)) { gate.wait() } }
            }
        }
        #expect(!ledger.isClear)
        gate.signal()
        #expect(try await eventually { ledger.isClear })
    }
}
