import Synchronization
import Testing

@testable import LibvirtHypervisor

@Suite("The gate of the frozen window")
struct FreezeLimiterTests {
    private struct Failed: Error {}

    /// How many are inside now and were at most, shared by many tasks.
    private final class Crowd: Sendable {
        private let counts = Mutex((now: 0, most: 0, all: 0))
        var most: Int { counts.withLock { $0.most } }
        var all: Int { counts.withLock { $0.all } }

        func stay(yielding times: Int = 20) async {
            counts.withLock { counts in
                counts.now += 1
                counts.all += 1
                counts.most = max(counts.most, counts.now)
            }
            for _ in 0..<times { await Task.yield() }
            counts.withLock { $0.now -= 1 }
        }
    }

    @Test("lets no more pass at a time than it has places, and all in the end", arguments: [1, 3, 200])
    func places(count: Int) async throws {
        let gate = FreezeLimiter(places: count, longestStay: .seconds(60))
        let crowd = Crowd()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { try await gate.pass { await crowd.stay() } } }
            try await group.waitForAll()
        }
        #expect(crowd.all == 100)
        #expect(crowd.most <= count)
        #expect(crowd.most >= 1)
    }

    @Test("is free again after one that failed")
    func failure() async throws {
        let gate = FreezeLimiter(places: 1)
        for _ in 0..<3 {
            await #expect(throws: Failed.self) { try await gate.pass { throw Failed() } }
        }
        #expect(try await gate.pass { 7 } == 7)
    }

    @Test("wakes one that waits when another fails")
    func waiting() async throws {
        let gate = FreezeLimiter(places: 1)
        let results = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<40 {
                group.addTask {
                    let result = try? await gate.pass {
                        await Task.yield()
                        if index.isMultiple(of: 2) { throw Failed() }
                        return index
                    }
                    return result != nil
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.filter { $0 }.count == 20)
        #expect(results.count == 40)
    }

    /// Guests that stay inside until they are released.
    private final class Late: Sendable {
        private let entered = Mutex<[String]>([])
        private let isOver = Mutex(false)
        var all: [String] { entered.withLock { $0 } }

        func stay(_ dataset: String) async {
            entered.withLock { $0.append(dataset) }
            while !isOver.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(5)) }
        }

        func letGo() { isOver.withLock { $0 = true } }

        /// Waits until so many are inside, five seconds at most.
        func wait(for count: Int) async -> Bool {
            for _ in 0..<1000 where all.count < count { try? await Task.sleep(for: .milliseconds(5)) }
            return all.count >= count
        }
    }

    @Test("late guests of one dataset keep none of another out", arguments: [2, 4, 8])
    func lateGuests(places: Int) async throws {
        let gate = FreezeLimiter(places: places, longestStay: .seconds(60))
        let late = Late()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { try await gate.pass(of: "tank/late") { await late.stay("tank/late") } } }
            #expect(await late.wait(for: places))
            for dataset in ["tank/good", "tank/other"] {
                let value = try await withThrowingTaskGroup(of: Int.self) { race in
                    race.addTask { try await gate.pass(of: dataset) { 7 } }
                    race.addTask {
                        try await Task.sleep(for: .seconds(5))
                        late.letGo()
                        return 0
                    }
                    defer { race.cancelAll() }
                    return try await race.next()
                }
                #expect(value == 7)
            }
            #expect(late.all.count == places)
            late.letGo()
            try await group.waitForAll()
        }
        #expect(late.all.count == 8)
    }

    @Test("is held up by nobody that prepares for long, be it of the same dataset")
    func preparing() async throws {
        let gate = FreezeLimiter(places: 2, longestStay: .milliseconds(500))
        let late = Late()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 { group.addTask { try await gate.pass(of: "tank/vm") { await late.stay("tank/vm") } } }
            // Each pair has given its places up to the next.
            #expect(await late.wait(for: 6))
            #expect(try await gate.pass(of: "tank/vm") { 7 } == 7)
            late.letGo()
            try await group.waitForAll()
        }
        // Whoever comes after them finds both places, and no more.
        let crowd = Crowd()
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Each is out again long before it would give up its place, however busy the machine is.
            for _ in 0..<40 { group.addTask { try await gate.pass { await crowd.stay(yielding: 1) } } }
            try await group.waitForAll()
        }
        #expect(crowd.all == 40 && crowd.most <= 2)
    }

    @Test(
        "holds no more than its places where every dataset has one guest, nor where one has all", arguments: [1, 3, 8])
    func manyDatasets(places: Int) async throws {
        for isEachItsOwn in [true, false] {
            let gate = FreezeLimiter(places: places, longestStay: .seconds(60))
            let crowd = Crowd()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<100 {
                    group.addTask { try await gate.pass(of: isEachItsOwn ? "\(index)" : "a") { await crowd.stay() } }
                }
                try await group.waitForAll()
            }
            #expect(crowd.all == 100 && crowd.most <= places)
        }
    }
}
