import Synchronization
import Testing

@testable import Support

@Suite("A repeated attempt")
struct BackoffTests {
    private struct Failure: Error, Equatable { let number: Int }

    private func waits(_ backoff: Backoff, most: Int = 10) async -> [Duration] {
        var (backoff, waits) = (backoff, [Duration]())
        while waits.count < most {
            let start = ContinuousClock.now
            guard await backoff.wait() else { break }
            waits.append(start.duration(to: .now))
        }
        return waits
    }

    @Test("comes after twice the time each time, as often as there are attempts")
    func attempts() async {
        let waits = await waits(Backoff(attempts: 4, first: .milliseconds(20)))
        #expect(waits.count == 3)
        for (wait, least) in zip(waits, [20, 40, 80]) { #expect(wait >= .milliseconds(least)) }
    }

    @Test("comes at even intervals")
    func even() async {
        let waits = await waits(Backoff(attempts: 4, every: .milliseconds(20)))
        #expect(waits.count == 3)
        for wait in waits { #expect(wait >= .milliseconds(20)) }
    }

    @Test("comes only where it begins before the deadline")
    func deadline() async {
        let start = ContinuousClock.now
        // 10 and 20 ms are waited; with 40 it would be late.
        #expect(await waits(Backoff(until: start + .milliseconds(60), first: .milliseconds(10))).count <= 2)
        #expect(start.duration(to: .now) < .seconds(5))
        #expect(await waits(Backoff(until: .now, first: .milliseconds(1))).isEmpty)
    }

    @Test("does not come in a task that is cancelled")
    func cancelled() async {
        let task = Task { await waits(Backoff(attempts: 9, first: .seconds(60))) }
        task.cancel()
        #expect(await task.value.isEmpty)
    }

    @Test("gives what succeeds at last, or the last failure", arguments: [1, 3, 4])
    func retrying(succeedsAt: Int) async throws {
        var number = 0
        let attempt = {
            number += 1
            guard number >= succeedsAt else { throw Failure(number: number) }
            return number
        }
        let backoff = Backoff(attempts: 3, every: .milliseconds(1))
        if succeedsAt <= 3 {
            #expect(try await backoff.retrying(attempt) == succeedsAt)
        } else {
            await #expect(throws: Failure(number: 3)) { try await backoff.retrying(attempt) }
        }
    }

    @Test("is not made after a failure that comes again")
    func permanent() async {
        var number = 0
        await #expect(throws: Failure(number: 2)) {
            try await Backoff(attempts: 9, every: .milliseconds(1)).retrying {
                number += 1
                throw Failure(number: number)
            } after: {
                ($0 as? Failure)?.number == 1
            }
        }
    }

    @Test("gives the first thing that is there", arguments: [1, 3, 4])
    func firstValue(isThereAt: Int) async throws {
        var number = 0
        let found = try await Backoff(attempts: 3, every: .milliseconds(1)).firstValue {
            number += 1
            return number == isThereAt ? number : nil
        }
        #expect(found == (isThereAt <= 3 ? isThereAt : nil))
        #expect(number == min(isThereAt, 3))
    }
}
