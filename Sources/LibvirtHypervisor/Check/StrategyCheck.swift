internal import Hypervisor
internal import Support
internal import XMLTree

/// Why strategies would fail for one domain, by the very steps that a freeze takes before it makes or freezes anything.
struct StrategyCheck: Sendable {
    let domain: Domain
    let description: DomainDescription
    let request: FreezeRequest
    let settings: HypervisorSettings

    /// For a question to libvirt or QEMU.
    static func limit(_ settings: HypervisorSettings) -> Duration { max(.seconds(5), settings.agentTimeout) }

    private var limit: Duration { Self.limit(settings) }
    private var name: String { request.machine.name }
    private var domainWord: String { request.machine.virshWord }

    private var agent: GuestAgent {
        GuestAgent(
            domain: domain, description: description, name: name,
            timeout: FreezeTimes(settings, left: nil).question)
    }

    /// - Throws: HypervisorError, LibvirtError where libvirt does not tell of the domain.
    func obstacles(to strategies: [Strategy]) async throws -> [Strategy: StrategyObstacle] {
        func all(_ obstacle: StrategyObstacle) -> [Strategy: StrategyObstacle] {
            Dictionary(uniqueKeysWithValues: Set(strategies).map { ($0, obstacle) })
        }
        let state = try await blocking("asking whether \(name) runs", within: limit) { try domain.state() }
        if let obstacle = obstacle(of: state) { return all(obstacle) }
        if let silence = await silence() { return all(silence) }
        let overlays = strategies.contains(where: \.movesDisks) ? await obstacleToOverlays() : nil
        let freeze =
            strategies.contains { [.quiesce, .freeze, .shutdown].contains($0) } ? await obstacleToFreeze() : nil
        var obstacles: [Strategy: StrategyObstacle] = [:]
        for strategy in strategies {
            switch strategy {
            case .memory: obstacles[strategy] = obstacleToMemory ?? overlays
            case .quiesce: obstacles[strategy] = freeze ?? overlays
            case .freeze: obstacles[strategy] = freeze
            case .shutdown: obstacles[strategy] = await obstacleToShutdown(freeze)
            case .pause, .exec, .crashConsistent, .ignore: continue
            }
        }
        return obstacles
    }

    private func obstacle(of state: DomainState) -> StrategyObstacle? {
        let resume = "\(settings.virsh) resume \(domainWord)"
        switch state {
        case .running: return nil
        case .paused: return StrategyObstacle(.vmPaused, "the VM is paused", fix: resume)
        case .pausedByFailedWrite:
            return StrategyObstacle(
                .vmPaused, "QEMU has paused the VM since a write to its storage failed",
                fix: "see \(settings.virsh) domblkerror \(domainWord), make room, then \(resume)")
        case .off, .saved, .migratedAway, .undefined:
            return StrategyObstacle(.vmChanged, "the VM does not run any more")
        }
    }

    /// A QEMU that is stopped, or hangs, answers nothing that any strategy asks.
    private func silence() async -> StrategyObstacle? {
        if settings.site == nil, !ConnectionURI(settings.uri).isOfAnotherHost, let process = QEMUProcess(domain: name),
            ProcessStatus(of: process.id)?.state == "T"
        {
            return StrategyObstacle(
                .unreachable, "its QEMU (process \(process.id)) is stopped", fix: "kill -CONT \(process.id)")
        }
        guard let target = request.disks.first?.target else { return nil }
        do {
            _ = try await blocking("asking for the size of \(target)", within: limit) {
                try domain.capacity(of: target)
            }
        } catch let error as HypervisorError where error.code == .timedOut {
            return StrategyObstacle(
                .unreachable,
                "libvirt has had no answer about \(target) for \(limit.text): its QEMU or that disk's storage hangs, or another "
                    + "call waits for it",
                fix: "see \(settings.virsh) domcontrol \(domainWord)")
        } catch {
            // Each strategy finds out itself whether it needs that.
        }
        return nil
    }

    private var obstacleToMemory: StrategyObstacle? {
        if let obstacle = settings.overlayStore(on: domain.connection).obstacleToMemory
            ?? description.obstacleToMemory(disks: request.disks)
        {
            return obstacle
        }
        do {
            let path = RAMFile.path(in: settings.ramDirectory, machine: request.machine, run: request.run)
            try RAMFile.requireAbsence(of: path)
            return nil
        } catch {
            return obstacle(error)
        }
    }

    /// Why the disks could not be moved.
    private func obstacleToOverlays() async -> StrategyObstacle? {
        do {
            let definitions = try await blocking("reading the disks of \(name)", within: limit) {
                try domain.diskDefinitions(of: request.disks.map(\.target))
            }
            let context = FreezeContext(
                domain: domain, description: definitions.description, kept: definitions.kept, request: request,
                settings: settings, record: { _ in })
            let disks = try context.heldDisks()
            try await context.store.requireAbsence(of: disks)
            _ = try await context.capacities(of: disks, within: limit)
            try await context.requireIdle(disks)
            return nil
        } catch {
            return obstacle(error)
        }
    }

    /// Why the guest's agent would not freeze.
    private func obstacleToFreeze() async -> StrategyObstacle? {
        do {
            try agent.requireChannel()
            let selection = try await agent.selection(of: request.disks)
            return try await agent.refusal() ?? selection.obstacle
        } catch {
            let isMissing = (error as? HypervisorError)?.reason == .agentMissing
            return obstacle(error, hasDefinedAgent: isMissing ? await hasDefinedAgent() : false)
        }
    }

    /// Whether the definition has the agent's channel that the running VM has not.
    private func hasDefinedAgent() async -> Bool {
        let domain = domain
        let known = try? await blocking("reading the definition of \(name)", within: limit) {
            DomainDescription.AgentChannel(
                try domain.document(live: false).first("devices")?.children(named: "channel") ?? [])
        }
        return known.map { $0 != .none } ?? false
    }

    /// - Parameter freeze: why its agent would not freeze; one that merely refuses that may take a shutdown all the same.
    private func obstacleToShutdown(_ freeze: StrategyObstacle?) async -> StrategyObstacle? {
        let hasAgent = freeze.map { ![.agentMissing, .agentSilent].contains($0.reason) } ?? true
        let shutdown = DomainShutdown(domain: domain, agentTimeout: settings.agentTimeout, deadline: .now + limit)
        do {
            return try await blocking("asking whether \(name) can be shut down", within: limit) {
                try shutdown.requireReturn()
                return DomainShutdown.obstacle(in: try domain.document(live: true), hasAgent: hasAgent)
            }
        } catch {
            return obstacle(error)
        }
    }

    private func obstacle(_ error: any Error, hasDefinedAgent: Bool = false) -> StrategyObstacle {
        guard let error = error as? HypervisorError else {
            return StrategyObstacle(.callFailed, "libvirt does not tell of the VM: \(error)")
        }
        let fix = AgentFix(domain: domainWord, virsh: settings.virsh, isDefined: hasDefinedAgent)
        return StrategyObstacle(error, fix: fix.text(for: error.reason))
    }
}
