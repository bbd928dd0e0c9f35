public import Hypervisor
internal import Support
internal import ZFS

/// VMs and applications that the configuration names, since nothing that Stillpoint knows could be asked for them: bhyve, a
/// container, a database on this host.
///
/// They count as running, with a disk on each of their datasets. Only a program can freeze them: `strategy = exec:PATH`.
public struct ExecHypervisor: Hypervisor, HypervisorBackEnd {
    /// The word in the configuration.
    public static let kind = "exec"

    /// The section's name.
    public let name: String
    /// As many as that section says.
    public let maxParallel: Int?
    private let machines: [VirtualMachine]

    init(_ settings: HypervisorSettings) {
        name = settings.name
        maxParallel = settings.maxParallel
        machines = settings.listedVMs.sorted { $0.key < $1.key }.map { name, datasets in
            let disks = datasets.map { dataset in
                Disk(target: dataset.rawValue, chain: [dataset.rawValue], datasets: [[dataset]], format: "raw")
            }
            return VirtualMachine(id: name, name: name, power: .running, disks: disks)
        }
    }

    /// Nothing is connected to.
    public static func make(_ settings: HypervisorSettings) -> any Hypervisor { ExecHypervisor(settings) }

    /// They are never on overlays.
    public var overlayDirectory: String? { nil }

    /// Those that the configuration names.
    public func virtualMachines() async throws -> [VirtualMachine] { machines }

    /// The one of that name.
    public func virtualMachine(id: String) async throws -> VirtualMachine? { machines.first { $0.id == id } }

    /// Falls back.
    public func freeze(_ request: FreezeRequest, record: @escaping RecordFreezeState) async throws -> FreezeResult {
        throw HypervisorError(unavailable)
    }

    /// Why none but a program can do it.
    public func obstacles(
        to strategies: [Strategy], of machine: VirtualMachine, disks: [Disk]
    ) async throws -> [Strategy: StrategyObstacle] {
        let impossible = strategies.filter { $0.changesMachine && $0.program == nil }
        return Dictionary(uniqueKeysWithValues: Set(impossible).map { ($0, unavailable) })
    }

    private var unavailable: StrategyObstacle {
        StrategyObstacle(
            .callFailed, "only a program can do it for [hypervisor \(printable(name))]: strategy = exec:PATH",
            fix: "in its [vm] section: strategy = exec:PATH (docs/exec.md), or crash-consistent")
    }

    /// Nothing of it is held by this.
    @discardableResult
    public func release(
        _ request: ReleaseRequest, record: @escaping RecordFreezeState
    ) async throws -> ReleaseResult {
        throw HypervisorError(
            .changed, "[hypervisor \(printable(name))] was of another kind when it was frozen; put that back",
            remedy: .stop)
    }

    /// Nothing is known of it.
    public func exportDefinition(of id: String) async throws -> ExportedDefinition? { nil }

    /// Refuses.
    public func stop(id: String) async throws { throw unknown("stop \(printable(id))") }

    /// Refuses.
    public func restore(_ request: RestoreRequest) async throws -> VirtualMachine { throw unknown("restore it") }

    /// Does nothing.
    public func close() async {}

    private func unknown(_ what: String) -> HypervisorError {
        HypervisorError(
            .callFailed, "nothing is known of how to \(what) ([hypervisor \(printable(name))]); do it by hand",
            remedy: .stop)
    }
}
