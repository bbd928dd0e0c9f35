import Bounds
import Testing

@Suite("A budget")
struct BudgetTests {
    @Test("is spent until there is not enough left, and no more is taken then")
    func spending() throws {
        var budget = Budget(bytes: 10, nodes: 3, pages: 1)
        try budget.spend(bytes: 6, nodes: 3)
        #expect(throws: BudgetError.self) { try budget.spend(bytes: 5) }
        try budget.spend(bytes: 4, pages: 1)
        #expect(code { () throws(BudgetError) in try budget.spend(bytes: 1) } == .bytes)
        #expect(code { () throws(BudgetError) in try budget.spend(nodes: 1) } == .nodes)
        #expect(code { () throws(BudgetError) in try budget.spend(pages: 1) } == .pages)
    }

    @Test("that bounds nothing takes any number without a trap")
    func boundless() throws {
        var budget = Budget()
        try budget.spend(bytes: .max, nodes: .max, pages: .max)
        #expect(code { () throws(BudgetError) in try budget.spend(bytes: .max) } == .bytes)
        try budget.enter(level: .max)
    }

    @Test("says how deep one may go")
    func depth() throws {
        let budget = Budget(depth: 2)
        try budget.enter(level: 2)
        #expect(code { () throws(BudgetError) in try budget.enter(level: 3) } == .depth)
    }

    @Test("of other bytes is unspent")
    func with() throws {
        var budget = Budget(bytes: 1, nodes: 1)
        try budget.spend(bytes: 1, nodes: 1)
        var other = budget.with(bytes: 5)
        try other.spend(bytes: 5, nodes: 1)
        #expect(code { () throws(BudgetError) in try other.spend(bytes: 1) } == .bytes)
    }

    private func code(_ body: () throws -> Void) -> BudgetError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? BudgetError)?.code
        }
    }
}

@Suite("Arithmetic on what others wrote")
struct ArithmeticTests {
    @Test("ends at the greatest number")
    func saturating() {
        #expect(UInt64.max.plus(1) == .max)
        #expect(UInt64(1).plus(2) == 3)
        #expect(Int64.min.plus(-1) == .min)
        #expect(Int64.max.plus(1) == .max)
        #expect(UInt64.max.times(2) == .max)
        #expect(UInt64(3).times(1 << 20) == 3 << 20)
    }
}
