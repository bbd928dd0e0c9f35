internal import Hypervisor
internal import Storage

/// The configured hypervisors, each made on first need.
actor Hypervisors {
    private let configuration: Configuration
    private let backEnds: [any HypervisorBackEnd.Type]
    private let roots: SystemRoots
    private var made: [String: any Hypervisor] = [:]

    init(_ configuration: Configuration, _ context: HookContext) {
        self.configuration = configuration
        backEnds = context.backEnds
        roots = context.roots
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
        let hypervisor = backEnd.make(settings(section))
        made[name] = hypervisor
        return hypervisor
    }

    private func settings(_ section: HypervisorSection) -> HypervisorSettings {
        var settings = HypervisorSettings(
            name: section.name, uri: section.uri, overlayDirectory: configuration.overlayDirectory,
            ramDirectory: configuration.ramDirectory, agentTimeout: configuration.agentTimeout,
            freezeLimit: configuration.freezeLimit, commitTimeout: configuration.commitTimeout)
        settings.freezeTimeout = configuration.freezeTimeout
        settings.login = section.login
        settings.storageRules = section.storageRules
        settings.maxParallel = section.maxParallel
        settings.quiesceAttempts = section.quiesceAttempts
        settings.roots = roots
        return settings
    }

    func close() async {
        for hypervisor in made.values { await hypervisor.close() }
        made = [:]
    }
}
