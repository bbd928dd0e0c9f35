import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator

@Suite("Room for the snapshot", .serialized)
struct SnapshotSpaceForecastTests {
    /// A dataset as `zfs get` shows it, in GiB.
    private func space(
        _ name: String, available: Double, refreservation: Double = 0, unused: Double = 0, reservation: Double = 0,
        used: Double = 0, refquota: Double = 0
    ) throws -> DatasetSpace {
        let bytes = { (value: Double) in UInt64(value * Double(1 << 30)) }
        var space = DatasetSpace(try DatasetName(name))
        space.available = bytes(available)
        space.refreservation = bytes(refreservation)
        space.usedByRefreservation = bytes(unused)
        space.reservation = bytes(reservation)
        space.used = bytes(used)
        space.refquota = bytes(refquota)
        return space
    }

    @Test(
        "is foreseen to be missing where a refreservation must be there again",
        arguments: [
            // A thick volume that is full: 3.8 G, and 3.4 free.
            (3.4, 3.8, 0.0, true), (3.9, 3.8, 0, false),
            // Written since the last snapshot: 1 of 3.8 G; what is not used yet of it is in what is available.
            (4.2, 3.8, 2.8, false), (3.7, 3.8, 2.8, true),
            // Fresh, and fresh after a snapshot.
            (4, 3.8, 3.8, false), (8, 3.8, 3.8, false),
        ])
    func alone(available: Double, refreservation: Double, unused: Double, isShort: Bool) throws {
        let volume = try DatasetName("tank/vol")
        let found = SnapshotSpaceForecast.shortages(
            [
                try space("tank", available: available - unused),
                try space("tank/vol", available: available, refreservation: refreservation, unused: unused),
            ], of: [volume])
        #expect(found.count == (isShort ? 1 : 0), "\(found)")
        #expect(found.allSatisfy { $0.hasPrefix("the snapshot of tank/vol will fail for want of space: ") })
        #expect(found.allSatisfy { $0.hasSuffix(": zfs set refreservation=none tank/vol") })
    }

    @Test("counts together what is snapshotted together, below quotas, and beside reservations")
    func together() throws {
        let names = try ["tank/vms/a", "tank/vms/b"].map { try DatasetName($0) }
        func found(_ available: Double, parent: Double, reservation: Double = 0) throws -> [String] {
            SnapshotSpaceForecast.shortages(
                [
                    try space("tank", available: 100), try space("tank/vms", available: parent),
                    try space(
                        "tank/vms/a", available: available, refreservation: 3, reservation: reservation, used: 3),
                    try space("tank/vms/b", available: available, refreservation: 3),
                ], of: Set(names))
        }
        #expect(try found(10, parent: 10).isEmpty)
        // Each has room, and both have not: a quota on what is above them.
        let both = try found(5, parent: 5)
        #expect(both.count == 1)
        #expect(
            both.first?.hasPrefix("the snapshot of tank/vms/a, tank/vms/b will fail for want of space: 6.0G") == true)
        #expect(both.first?.contains("5.0G are, in tank/vms;") == true)
        // What one is sure of does not count above it.
        #expect(try found(5, parent: 5, reservation: 5).isEmpty)
        #expect(try found(2, parent: 2).count == 2)
    }

    @Test("is nothing that a refquota bounds, and nothing a full pool has")
    func others() throws {
        let name = try DatasetName("tank/a")
        let bounded = try space("tank/a", available: 1, refreservation: 3, refquota: 4)
        #expect(SnapshotSpaceForecast.shortages([try space("tank", available: 9), bounded], of: [name]).isEmpty)
        #expect(SnapshotSpaceForecast.shortages([try space("tank", available: 2), bounded], of: [name]).count == 1)
        let full = SnapshotSpaceForecast.shortages(
            [try space("tank", available: 0), try space("tank/a", available: 0)], of: [name])
        #expect(full == ["the pool tank has no space left, and zfs snapshot will fail; fix: make room"])
    }

    private func reserve(_ pool: PoolBench, _ name: String, available: Int, _ refreservation: Int) throws {
        try pool.pool.remove(name)
        try pool.pool.add(
            name,
            ["available": "\(available)", "refreservation": "\(refreservation)", "usedbyrefreservation": "0"])
    }

    @Test("is warned of by pre, and named by check", arguments: [(3, 4), (5, 4)])
    func hooks(available: Int, refreservation: Int) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            try reserve(pool, "tank/VM", available: available, refreservation)
            try reserve(pool, "tank", available: available, 0)
            #expect(await pool.bench.run(.pre, ["--dry-run", "tank/VM@daily"]) == .done)
            #expect(await pool.bench.run(.pre) == .done)
            let warning = "warning: the snapshot of tank/VM will fail for want of space: 4B of its refreservation"
            let isShort = available < refreservation
            #expect(pool.log.lines.count { $0.hasPrefix(warning) } == (isShort ? 2 : 0))
            let context = pool.bench.context()
            let configuration = try pool.bench.configuration
            let findings = try await PreflightCheck(
                configuration: configuration, context: context, hypervisors: Hypervisors(configuration, context)
            ).run().lines(.problem)
            #expect(findings.contains { $0.hasPrefix("the snapshot of tank/VM will fail") } == isShort)
        }
    }

    @Test("of a recursive snapshot is that for all below it", arguments: ["-r", ""])
    func recursive(option: String) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            try reserve(pool, "tank/VM/db", available: 3, 4)
            try reserve(pool, "tank/VM", available: 3, 0)
            try reserve(pool, "tank", available: 3, 0)
            let arguments = ["tank/VM@daily"] + (option.isEmpty ? [] : [option])
            #expect(await pool.bench.run(.pre, arguments) == .done)
            #expect(pool.log.text.contains("the snapshot of tank/VM/db will fail") == !option.isEmpty)
        }
    }

    @Test("is not waited for where zfs hangs or fails", arguments: ["sleep 60", "exit 1"])
    func silence(script: String) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            try pool.scratch.write("bin/zfs", "#!/bin/sh\nexec \(script)\n", mode: 0o755)
            let begin = ContinuousClock.now
            #expect(await pool.bench.run(.pre) == .done)
            #expect(begin.duration(to: .now) < .seconds(20))
            #expect(pool.log.lines.isEmpty)
        }
    }
}
