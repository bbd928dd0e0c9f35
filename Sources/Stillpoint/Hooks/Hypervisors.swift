internal import Hypervisor

/// The configured hypervisors, each made on first need.
actor Hypervisors {
    private let configuration: Configuration
    private let backEnds: [any HypervisorBackEnd.Type]
    private var made: [String: any Hypervisor] = [:]

    init(_ configuration: Configuration, backEnds: [any HypervisorBackEnd.Type]) {
        self.configuration = configuration
        self.backEnds = backEnds
    }

    /// All of them.
    func all() throws -> [any Hypervisor] {
        try configuration.hypervisors.map { try named($0.name) }
    }

    /// The one of that section.
    /// - Throws: HypervisorError when the configuration does not have it any more.
    func named(_ name: String) throws -> any Hypervisor {
        if let hypervisor = made[name] { return hypervisor }
        guard let section = configuration.hypervisors.first(where: { $0.name == name }),
            let backEnd = backEnds.first(where: { $0.kind == section.kind })
        else {
            throw HypervisorError(
                .unreachable, "the configuration has no [hypervisor \(name)] any more; put it back to release its VMs",
                remedy: .stop)
        }
        let hypervisor = backEnd.make(
            HypervisorSettings(
                name: name, uri: section.uri, overlayDirectory: configuration.overlayDirectory,
                ramDirectory: configuration.ramDirectory,
                agentTimeout: configuration.agentTimeout, freezeLimit: configuration.freezeLimit,
                commitTimeout: configuration.commitTimeout))
        made[name] = hypervisor
        return hypervisor
    }

    func close() async {
        for hypervisor in made.values { await hypervisor.close() }
        made = [:]
    }
}
