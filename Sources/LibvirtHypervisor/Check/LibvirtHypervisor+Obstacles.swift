public import Hypervisor

extension LibvirtHypervisor {
    /// Goes the way of each freeze as far as nothing is made or frozen; see `StrategyCheck`.
    public func obstacles(
        to strategies: [Strategy], of machine: VirtualMachine, disks: [Disk]
    ) async throws -> [Strategy: StrategyObstacle] {
        let asked = strategies.filter { $0.changesMachine && $0.program == nil }
        guard !asked.isEmpty else { return [:] }
        return try await calls.with { [settings] connection in
            do {
                let request = FreezeRequest(machine: machine, disks: disks, strategy: .quiesce, run: RAMFile.anyRun)
                let found = try await blocking("reading \(machine.name)", within: StrategyCheck.limit(settings)) {
                    try connection.domain(uuid: machine.id).map { ($0, try $0.description()) }
                }
                guard let (domain, description) = found else {
                    throw HypervisorError(.noSuchMachine, "the VM was undefined meanwhile", remedy: .fallBack)
                }
                return try await StrategyCheck(
                    domain: domain, description: description, request: request, settings: settings
                ).obstacles(to: asked)
            } catch let error as LibvirtError {
                throw HypervisorError(.callFailed, "libvirt does not tell of the VM", remedy: .fallBack, cause: error)
            }
        }
    }
}
