import Engine
import HostFixtures
import SnapshotManagers
import TestSupport
import Testing

@testable import RunState

@Suite("What guests wrote to their overlays")
struct OverlaySizeTests {
    @Test("is in the history of the run", arguments: [4096, nil] as [UInt64?])
    func history(bytes: UInt64?) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.overlayBytes = bytes }
            await bench.run(.pre)
            #expect(await bench.run(.post) == .done)
            let history = RunHistory(bench.directory)
            let entries = history.days.flatMap { history.entries(on: $0) }
            #expect(entries.map(\.overlayBytes) == [bytes])
        }
    }
}
