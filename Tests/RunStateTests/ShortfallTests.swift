import Hypervisor
import Testing
import ZFS

@testable import RunState

@Suite("A VM fell short")
struct ShortfallTests {
    private static func record(
        _ strategy: Strategy?, _ consistency: Consistency?, after fallbacks: [Strategy] = [], lowered: ReasonCode? = nil
    ) -> VMRecord {
        var record = VMRecord(hypervisor: "local", id: "1", name: "db", datasets: [])
        record.strategy = strategy
        record.consistency = consistency
        record.fallbacks = fallbacks.map { .init(strategy: $0, reason: "no", code: .agentSilent) }
        record.loweredBy = lowered
        return record
    }

    @Test(
        "where it did not get what the first strategy of its list is for",
        arguments: [
            (record(.quiesce, .quiesced), false),
            (record(.crashConsistent, .crash), false),
            (record(.pause, .crash), false),
            (record(nil, .off), false),
            (record(.shutdown, .off), false),
            (record(.crashConsistent, .crash, after: [.quiesce]), true),
            // The VM went off meanwhile.
            (record(nil, .off, after: [.quiesce]), false),
            (record(.quiesce, .quiesced, after: [.memory]), true),
            (record(.quiesce, .quiesced, after: [.freeze]), false),
            (record(.memory, .memory, after: [.quiesce]), false),
            (record(.crashConsistent, .crash, after: [.pause]), true),
            (record(.quiesce, .quiesced, after: [.exec(path: "/x")]), true),
            (record(.quiesce, .crash, lowered: .thawedEarly), true),
            (record(nil, .off, lowered: .vmChanged), true),
            (record(nil, .stale), true),
            (record(.quiesce, nil), true),
            (record(nil, .crash, after: [.quiesce, .freeze]), true),
        ])
    func fellShort(record: VMRecord, expected: Bool) {
        #expect(record.fellShort == expected)
    }
}
