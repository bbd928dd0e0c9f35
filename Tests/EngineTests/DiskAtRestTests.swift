import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine

@Suite("A VM that is off")
struct DiskAtRestTests {
    @Test("is at rest only where its disks are as they were before the snapshot", arguments: [true, false])
    func written(isWritten: Bool) async throws {
        try await withBench { bench, host async throws in
            try host.scratch.write("tank/VM/web01.raw", "before")
            bench.has(host.web(power: .off))
            #expect(await bench.run(.pre) == .done)
            // Started and stopped again, or written to by a program: it is off whenever it is read.
            if isWritten { try host.scratch.write("tank/VM/web01.raw", "after it") }
            #expect(await bench.run(.post) == .done)
            let wanted = isWritten ? "crash:vm-changed" : "off"
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=web01=\(wanted)"))
            #expect(bench.log.text.contains("web01.raw was written between pre and post") == isWritten)
        }
    }

    @Test("is not at rest while another VM, which runs, has its disk too")
    func twin() async throws {
        try await withBench { bench, host async throws in
            try host.scratch.write("tank/VM/web01.raw", "shared")
            bench.has(host.web(), host.machine("twin", power: .off, host.disk("vda", "tank/VM/web01.raw")))
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=twin=crash,web01=quiesced"))
            #expect(bench.log.text.contains("it is off, but web01, which runs, has its disk too"))
        }
    }
}
