import HostFixtures
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
    func fellShort(record: VMRecord, expected: Bool) throws {
        #expect(record.fellShort == expected)
        let configured = record.strategy == .crashConsistent && record.fallbacks.isEmpty
        // What has no reason at all cannot be told from the history: `RunCompletion` leaves none so.
        guard record.consistency != nil else { return }
        #expect((record.reason != nil) == (expected || configured))
        let run = try makeRun("20261121T110000Z-1f3c9a", machines: [record])
        #expect(HistoryEntry(record, of: run, .released).fellShort == expected)
    }

    @Test(
        "where its run has no snapshot, unless it was to be crash-consistent; it got nothing then",
        arguments: [HistoryEntry.Outcome.undone, .untaken])
    func noSnapshot(_ outcome: HistoryEntry.Outcome) throws {
        let quiesced = Self.record(.quiesce, .quiesced)
        let records = [
            quiesced, Self.record(.crashConsistent, .crash), Self.record(.crashConsistent, .crash, after: [.quiesce]),
        ]
        let run = try makeRun("20261121T110000Z-1f3c9a", machines: records)
        let entries = records.map { HistoryEntry($0, of: run, outcome) }
        #expect(entries.map(\.fellShort) == [true, false, true])
        #expect(entries.map(\.consistency) == [nil, nil, nil])
        #expect(entries[0].shortfall == (outcome == .undone ? .undone : .noSnapshot))
        // As an older version wrote it.
        let line = HistoryLine.text(HistoryEntry(quiesced, of: run, .released))
        let older = line.split(separator: "\t", omittingEmptySubsequences: false).map {
            $0 == "released" ? outcome.rawValue : String($0)
        }.joined(separator: "\t")
        #expect(line.contains("quiesced") && HistoryLine.entry(Array(older.utf8)[...])?.consistency == nil)
    }
}
