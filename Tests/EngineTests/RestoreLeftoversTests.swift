import Glibc
import HostFixtures
import Hypervisor
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState
@testable import Support

@Suite("The clones of a restore", .serialized)
struct RestoreLeftoversTests {
    private let mark = RestoreTrace.property

    /// What a restore that was killed leaves: a trace without a living process, and a clone.
    private func left(_ pool: PoolBench, _ clone: String = "tank/web02", mountPoint: String? = nil) throws -> RunID {
        try pool.bench.directory.prepare()
        let id = RunID.make()
        try pool.scratch.write("state/restores/\(id)", "web01 of tank/VM@daily as web02\n")
        try pool.scratch.write("state/restores/\(id).files/0", "variables")
        try pool.pool.add(clone, [mark: id.text, "origin": "tank/VM@daily"])
        if let mountPoint { try pool.pool.add(clone, ["mountpoint": mountPoint]) }
        return id
    }

    @Test("carry its id from the call that makes them, and lose it when the new VM is there")
    func marked() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            _ = pool.recorder()
            #expect(await pool.restore(to: .clone("web02")) == .done)
            let call = try #require(try pool.pool.calls("clone").first)
            #expect(call.contains("-o \(mark)="))
            #expect(try pool.pool.calls("inherit") == ["inherit \(mark) tank/web02"])
            #expect(try pool.scratch.names(in: "state/restores").isEmpty)
        }
    }

    @Test("are not touched where another restore was faster with the same name")
    func second() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            let clones = SnapshotClones(zfs: pool.pool.command)
            let snapshot = try SnapshotName("tank/VM@daily")
            let name = try DatasetName("tank/web02")
            // The second one checks before the first one's clone is there, and is told that there is none.
            let script = try text(pool.scratch, "bin/zfs")
            try pool.scratch.write(
                "bin/zfs",
                """
                #!/bin/sh
                case "$*" in *"-t filesystem,volume,snapshot tank/web02")
                    echo "cannot open 'tank/web02': dataset does not exist" >&2; exit 1;;
                esac
                exec \(pool.scratch.path)/bin/real "$@"
                """, mode: 0o755)
            try pool.scratch.write("bin/real", script, mode: 0o755)
            try await SnapshotClones(zfs: pool.pool.command).make(snapshot, as: name)
            let error = await #expect(throws: RestoreError.self) { try await clones.make(snapshot, as: name) }
            #expect(error?.code == .refused)
            #expect(await clones.destroy().isEmpty)
            #expect(await pool.restore(to: .clone("web02")) == .usage)
            #expect(try pool.pool.clones() == ["tank/web02"])
        }
    }

    @Test("are destroyed where zfs made one and could not mount it")
    func unmountable() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try pool.scratch.write("unmountable", "")
            #expect(await pool.restore(to: .clone("web02")) == .failed)
            #expect(try pool.leftByRestores == [])
            #expect(try pool.scratch.names(in: "state/restores").isEmpty)
        }
    }

    @Test("are found by check and removed by recover when their restore was killed")
    func killed() async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            _ = try left(pool)
            #expect(await pool.operating.check() == .failed)
            #expect(await pool.operating.recover(dryRun: true) == .done)
            #expect(try pool.pool.names().contains("tank/web02"))
            #expect(await pool.operating.recover() == .done)
            #expect(try !pool.pool.names().contains("tank/web02"))
            #expect(try pool.scratch.names(in: "state/restores").isEmpty)
        }
    }

    enum Obstacle: CaseIterable { case used, usedUnmounted, silent, child, busy, living, unknownID, stranger, promoted }

    @Test("stay where they may be used, or are not this host's to remove", arguments: Obstacle.allCases)
    func kept(obstacle: Obstacle) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            let isDone: Bool
            var lock: FileLock?
            switch obstacle {
            case .used, .usedUnmounted:
                _ = try left(pool, "tank/web02", mountPoint: "/elsewhere/web02")
                let disk = Disk(target: "vda", chain: ["/elsewhere/web02/web01.raw"], format: "raw")
                pool.bench.has(VirtualMachine(id: "new", name: "web02", power: .off, disks: [disk]))
                isDone = true
            case .silent:
                _ = try left(pool)
                pool.world.change { $0.list = { throw refusal(.retry, "nobody answers") } }
                isDone = false
            case .child:
                _ = try left(pool)
                try pool.pool.add("tank/web02/mine")
                isDone = false
            case .busy:
                _ = try left(pool)
                try pool.pool.fail("^destroy")
                isDone = false
            case .living:
                let id = try left(pool)
                lock = try FileLock(path: "\(pool.scratch.path)/state/restores/\(id)")
                isDone = true
            case .unknownID:
                let id = try left(pool)
                pool.scratch.remove("state/restores/\(id)")
                isDone = true
            case .stranger:
                try pool.pool.add("tank/stillpoint-20260101T000000Z-000000", ["origin": "tank/VM@daily"])
                try pool.pool.add("tank/web02", ["origin": "tank/VM@daily"])
                isDone = true
            case .promoted:
                let id = try left(pool, "tank/gone")
                try pool.pool.remove("tank/gone")
                try pool.pool.add("tank/web02", [mark: id.text])
                isDone = true
            }
            let names = try pool.pool.names()
            #expect(await pool.operating.recover() == (isDone ? .done : .needsRecovery), "\(pool.log.text)")
            #expect(try pool.pool.names() == names)
            if obstacle != .living, obstacle != .stranger { #expect(pool.log.text.contains("tank/web02")) }
            withExtendedLifetime(lock) {}
        }
    }

    @Test("of a restore that was killed half-way are not all: its VM is named until it is restored again or let be")
    func halfDone() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            let id: RunID
            do {
                var claim = try RestoreLock(
                    VMRecord(
                        hypervisor: "local", id: "id-of-web01", name: "web01", datasets: [DatasetName("tank/VM")]),
                    in: pool.bench.directory)
                try claim.begin()
                id = try #require(try pool.bench.directory.openRunIDs().first)
            }
            #expect(await pool.operating.recover() == .needsRecovery)
            #expect(pool.log.text.contains("the restore of web01 (\(id)) was killed half-way"))
            #expect(await pool.restore(to: .inPlace) == .done, "\(pool.log.text)")
            #expect(await pool.operating.recover() == .done)
        }
    }
}
