package import Hypervisor
import ZFS

/// A server whose VM snapshots are in the storage snapshot; a configuration's `url` leads to its `FakeWorld`.
final class FakeVSphere: SnapshotReverting, HypervisorBackEnd {
    static let kind = "vsphere"

    private let inner: FakeHypervisor
    private let world: FakeWorld

    var name: String { inner.name }
    var overlayDirectory: String? { nil }

    init(_ settings: HypervisorSettings) {
        inner = FakeHypervisor(settings)
        world = FakeWorld.at(settings.uri)
    }

    static func make(_ settings: HypervisorSettings) -> any Hypervisor { FakeVSphere(settings) }

    func findings() async throws -> [Finding] {
        [Finding(.datastoreUnmapped, "the datastore nfs-old is on no dataset")]
    }
    func virtualMachines() async throws -> [VirtualMachine] { try await inner.virtualMachines() }
    func virtualMachine(id: String) async throws -> VirtualMachine? { try await inner.virtualMachine(id: id) }
    func freeze(_ request: FreezeRequest, record: @escaping RecordFreezeState) async throws -> FreezeResult {
        try await inner.freeze(request, record: record)
    }
    func release(_ request: ReleaseRequest, record: @escaping RecordFreezeState) async throws -> ReleaseResult {
        try await inner.release(request, record: record)
    }
    func exportDefinition(of id: String) async throws -> ExportedDefinition? { nil }
    func stop(id: String) async throws { try await inner.stop(id: id) }
    func restore(_ request: RestoreRequest) async throws -> VirtualMachine { try await inner.restore(request) }
    func close() async { await inner.close() }

    func revert(_ request: RevertRequest) async throws -> [String] {
        world.note("revert \(request.id) to \(request.run ?? "nothing")\(request.isStarted ? ", start" : "")")
        return try world.behaviour.revert(request)
    }
}

/// A VM whose one disk is in a folder of a datastore.
package func datastoreMachine(
    _ name: String, on dataset: String = "tank/VM", power: VirtualMachine.PowerState = .running
) throws -> VirtualMachine {
    VirtualMachine(
        id: "vm-\(name)", name: name, power: power,
        disks: [
            Disk(
                target: "scsi0:0", chain: ["[nfs] \(name)/\(name).vmdk"], datasets: [[try DatasetName(dataset)]],
                format: "vmdk")
        ])
}
