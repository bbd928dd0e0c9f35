import HostFixtures
import Hypervisor
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("Restoring a VM of vSphere", .serialized)
struct VMSnapshotRestoreTests {
    /// erp on tank/other as it is now, and the same in the snapshot tank/other@daily.
    private func withDatastore(
        _ consistency: Consistency = .quiesced, _ body: (PoolBench, FakeWorld) async throws -> Void
    ) async throws {
        let sections = "[hypervisor vc]\nkind = vsphere\nurl = https://SCRATCH/sdk\nusername = stillpoint"
        try await withPool(sections: sections) { pool async throws in
            let world = FakeWorld(uri: "https://\(pool.scratch.path)/sdk", stateDirectory: pool.bench.statePath)
            defer { world.forget() }
            let machine = try datastoreMachine("erp", on: "tank/other", power: consistency == .off ? .off : .running)
            world.change { $0.list = { [machine] } }
            try pool.pool.add("tank/other@daily")
            try pool.scratch.folder("tank/other/erp")
            try pool.keep(
                [
                    RestorePointVM(
                        hypervisor: "vc", id: "vm-erp", name: "erp", datasets: [DatasetName("tank/other")],
                        consistency: consistency)
                ], in: ["tank/other@daily"])
            try await body(pool, world)
        }
    }

    @Test(
        "in place powers it off, rolls back, reverts it and starts it if it ran",
        arguments: [
            (Consistency.quiesced, "revert vm-erp to \(PoolBench.run), start"),
            (.memory, "revert vm-erp to \(PoolBench.run), start"),
            (.crash, "revert vm-erp to nothing, start"),
            (.off, "revert vm-erp to nothing"),
        ])
    func inPlace(consistency: Consistency, last: String) async throws {
        try await withDatastore(consistency) { pool, world async throws in
            world.change { $0.stop = { _ in #expect((try? pool.pool.calls("rollback")) == []) } }
            world.change {
                $0.revert = { _ in
                    #expect((try? pool.pool.calls("rollback")) == ["rollback tank/other@daily"])
                    return ["its snapshot was removed"]
                }
            }
            #expect(await pool.restore("tank/other@daily", "erp", to: .inPlace) == .done, "\(pool.log.text)")
            #expect(world.acts.suffix(2) == ["stop vm-erp", last])
            #expect(pool.log.text.contains("erp: its snapshot was removed"))
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test(
        "touches nothing while another VM, or a folder of unknown use, is on its datasets", arguments: ["VM", "folder"])
    func shared(with other: String) async throws {
        try await withDatastore { pool, world async throws in
            if other == "VM" {
                let machines = [
                    try datastoreMachine("erp", on: "tank/other"), try datastoreMachine("crm", on: "tank/other"),
                ]
                world.change { $0.list = { machines } }
            } else {
                try pool.scratch.folder("tank/other/iso")
            }
            #expect(await pool.restore("tank/other@daily", "erp", to: .inPlace) == .usage)
            let words = other == "VM" ? "the VM crm" : "/tank/other/iso"
            #expect(
                pool.log.text.contains(words) && pool.log.text.contains("zfs clone tank/other@daily"),
                "\(pool.log.text)")
            #expect(world.count("stop") == 0 && world.count("revert") == 0)
            #expect(try pool.pool.calls("rollback").isEmpty)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("says what state things are in when the server does not go along")
    func failing() async throws {
        try await withDatastore { pool, world async throws in
            world.change { $0.revert = { _ in throw refusal(.stop, "the server says no") } }
            #expect(await pool.restore("tank/other@daily", "erp", to: .inPlace) == .needsRecovery)
            #expect(pool.log.text.contains("erp is off and not restored. Its datasets are rolled back."))
            world.markStopped(nil)
            world.change { $0.stop = { _ in throw refusal(.stop, "it does not stop") } }
            #expect(await pool.restore("tank/other@daily", "erp", to: .inPlace) == .failed)
            #expect(try pool.pool.calls("rollback").count == 1)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("without a target tells the steps, and beside the VM it tells them instead of acting")
    func told() async throws {
        try await withDatastore { pool, world async throws in
            #expect(await pool.restore("tank/other@daily", "erp", to: .printSteps) == .done)
            #expect(await pool.restore("tank/other@daily", "erp", to: .clone("erp2")) == .usage)
            #expect(pool.log.text.contains("Revert that VM to its snapshot \"stillpoint \(PoolBench.run)\""))
            #expect(world.count("stop") == 0)
        }
    }
}
