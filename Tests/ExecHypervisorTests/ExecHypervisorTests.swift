import Hypervisor
import TestSupport
import Testing
import ZFS

@testable import ExecHypervisor

@Suite("A hypervisor of kind = exec")
struct ExecHypervisorTests {
    private func hypervisor() throws -> any Hypervisor {
        var settings = HypervisorSettings(name: "apps", kind: "exec", uri: "")
        settings.maxParallel = 3
        settings.listedVMs = [
            "redis": [try DatasetName("tank/redis")],
            "erp": [try DatasetName("tank/erp"), try DatasetName("fast/wal")],
        ]
        return ExecHypervisor.make(settings)
    }

    @Test("has the VMs that the configuration names, running, with their datasets")
    func machines() async throws {
        let apps = try hypervisor()
        let found = try await apps.virtualMachines()
        #expect(found.map(\.name) == ["erp", "redis"] && found.allSatisfy { $0.power == .running })
        #expect(found[0].disks.map(\.datasets) == [[[try DatasetName("tank/erp")]], [[try DatasetName("fast/wal")]]])
        #expect(try await apps.virtualMachine(id: "redis") == found[1])
        #expect(try await apps.virtualMachine(id: "gone") == nil)
        #expect(apps.maxParallel == 3 && apps.overlayDirectory == nil)
        #expect(try await apps.exportDefinition(of: "redis") == nil)
    }

    @Test("says of each strategy but a program's that it would fail")
    func obstacles() async throws {
        let apps = try hypervisor()
        let machine = try await apps.virtualMachines()[0]
        let strategies = Strategy.words + [.exec(path: "/p")]
        let obstacles = try await apps.obstacles(to: strategies, of: machine, disks: machine.disks)
        #expect(Set(obstacles.keys) == [.memory, .quiesce, .freeze, .shutdown, .pause])
        #expect(obstacles.values.allSatisfy { $0.fix?.contains("exec:PATH") == true })
    }

    @Test("can neither freeze nor restore, and says who can")
    func refuses() async throws {
        let apps = try hypervisor()
        let machine = try await apps.virtualMachines()[0]
        let request = FreezeRequest(machine: machine, disks: machine.disks, strategy: .quiesce, run: "r")
        do {
            _ = try await apps.freeze(request) { _ in }
            Issue.record("it froze")
        } catch let error as HypervisorError {
            #expect(error.remedy == .fallBack && error.message.hasSuffix("[hypervisor apps]: strategy = exec:PATH"))
        }
        let state = FreezeState(step: .held, snapshot: "s", disks: [])
        await #expect(throws: HypervisorError.self) {
            try await apps.release(ReleaseRequest(machineID: "erp", freezeState: state)) { _ in }
        }
        await #expect(throws: HypervisorError.self) { try await apps.stop(id: "erp") }
        await #expect(throws: HypervisorError.self) {
            _ = try await apps.restore(RestoreRequest(definition: "", power: .off))
        }
    }
}
