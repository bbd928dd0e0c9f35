package import Configuration
package import Hypervisor
internal import Support

/// The configured hypervisors, each made on first need.
package actor Hypervisors {
    private let configuration: Configuration
    private let backEnds: [any HypervisorBackEnd.Type]
    private let roots: SystemRoots
    private var made: [String: any Hypervisor] = [:]

    package init(_ configuration: Configuration, _ context: ProgramContext) {
        self.configuration = configuration
        backEnds = context.backEnds
        roots = context.roots
    }

    /// Those that are asked for their VMs.
    package func enabled() throws -> [any Hypervisor] {
        try configuration.hypervisors.filter(\.isEnabled).map { try named($0.name) }
    }

    /// All of them, also those that are not enabled: for what must be released or restored, and for what is deleted
    /// only where nobody needs it.
    package func all() throws -> [any Hypervisor] {
        try configuration.hypervisors.map { try named($0.name) }
    }

    /// The one of that section.
    /// - Throws: HypervisorError when the configuration does not have it any more.
    package func named(_ name: String) throws -> any Hypervisor {
        if let hypervisor = made[name] { return hypervisor }
        guard var settings = configuration.hypervisors.first(where: { $0.name == name }),
            let backEnd = backEnds.first(where: { $0.kind == settings.kind })
        else {
            throw HypervisorError(
                .unreachable, "the configuration has no [hypervisor \(name)] any more; put it back to release its VMs",
                remedy: .stop)
        }
        settings.shared = configuration.shared
        settings.roots = roots
        settings.strategies = configuration.strategies
        let hypervisor = backEnd.make(settings)
        made[name] = hypervisor
        return hypervisor
    }

    /// What `body` gives; the connections are closed after it.
    package nonisolated func closeAfter<Value: Sendable>(
        _ body: (Hypervisors) async throws -> Value
    ) async rethrows -> Value {
        do {
            let value = try await body(self)
            await close()
            return value
        } catch {
            await close()
            throw error
        }
    }

    package func close() async {
        for hypervisor in made.values { await hypervisor.close() }
        made = [:]
    }
}
