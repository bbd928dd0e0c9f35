import Testing

@testable import Engine

@Suite("The time for keeping definitions")
struct SavingBudgetTests {
    private let start = ContinuousClock.now

    @Test(
        "is a tenth of what the manager waits, and ten seconds at most",
        arguments: [(nil, 10_000), (5, 500), (60, 6000), (1000, 10_000), (-1, 0)] as [(Int?, Int)])
    func size(limit: Int?, milliseconds: Int) async {
        let budget = SavingBudget(until: limit.map { start + .seconds($0) }, now: start)
        #expect(await budget.begin(at: start) == .milliseconds(milliseconds))
    }

    @Test("is all VMs' together: what one is late leaves nothing for the others")
    func common() async {
        let budget = SavingBudget(until: nil, now: start)
        #expect(await budget.begin(at: start) == .seconds(10))
        #expect(await budget.begin(at: start + .seconds(4)) == .seconds(6))
        await budget.end(at: start + .seconds(5))
        await budget.end(at: start + .seconds(11))
        #expect(await budget.begin(at: start + .seconds(11)) == .zero)
    }

    @Test("is not spent while none is kept, nor twice while two are")
    func pauses() async {
        let budget = SavingBudget(until: nil, now: start)
        _ = await budget.begin(at: start + .seconds(20))
        _ = await budget.begin(at: start + .seconds(20))
        await budget.end(at: start + .seconds(21))
        await budget.end(at: start + .seconds(21))
        #expect(await budget.begin(at: start + .seconds(50)) == .seconds(9))
    }
}
