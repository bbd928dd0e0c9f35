import Dispatch
import Hypervisor
import Testing

@Suite("A blocking call")
struct BlockingCallTests {
    private struct Refused: Error, Equatable {
        let number: Int
    }

    @Test("gives its value")
    func value() async throws {
        #expect(try await blocking("counting", within: .seconds(60)) { 6 * 7 } == 42)
    }

    @Test("passes its error on as it is")
    func error() async {
        await #expect(throws: Refused(number: 7)) {
            try await blocking("counting", within: .seconds(60)) { throw Refused(number: 7) }
        }
    }

    @Test("is given up at the limit though it continues, and its late answer is dropped")
    func deadline() async throws {
        let mayEnd = DispatchSemaphore(value: 0)
        let (values, late) = AsyncStream.makeStream(of: Int.self)
        let failure = await #expect(throws: HypervisorError.self) {
            // It cannot end before the limit: nobody releases it until the error is there.
            try await blocking("freezing web01", within: .milliseconds(30)) { [mayEnd] in
                mayEnd.wait()
                late.yield(1)
                late.finish()
                return 1
            }
        }
        #expect(failure?.code == .timedOut)
        #expect(failure?.remedy == .stop)
        #expect(failure?.message == "freezing web01 took longer than 30 ms")
        mayEnd.signal()
        #expect(await values.reduce(0, +) == 1)
    }

    @Test("takes no longer than the limit by much")
    func promptly() async throws {
        let mayEnd = DispatchSemaphore(value: 0)
        defer { mayEnd.signal() }
        let clock = ContinuousClock()
        let start = clock.now
        await #expect(throws: HypervisorError.self) {
            try await blocking("waiting", within: .milliseconds(50)) { [mayEnd] in mayEnd.wait() }
        }
        let taken = clock.now - start
        #expect(taken >= .milliseconds(50))
        #expect(taken < .seconds(10))
    }

    @Test("does not hold up others, however many there are")
    func many() async throws {
        let mayEnd = DispatchSemaphore(value: 0)
        let count = 100
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<count {
                group.addTask {
                    try await blocking("waiting", within: .seconds(60)) { [mayEnd] in
                        mayEnd.wait()
                        return 1
                    }
                }
            }
            // More calls wait than the machine has processors; this one must get through all the same.
            let free = try await blocking("not waiting", within: .seconds(60)) { 1 }
            for _ in 0..<count { mayEnd.signal() }
            return try await group.reduce(free, +)
        }
        #expect(sum == count + 1)
    }
}
