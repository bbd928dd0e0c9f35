internal import Hypervisor

/// The `quiesce` freeze of one domain.
///
/// The overlays are made before the guest is frozen, so that it stays frozen only while QEMU switches to them;
/// `virsh snapshot-create-as --quiesce` makes them in between.
struct QuiesceFreeze: Sendable {
    let context: FreezeContext
    let gate: FreezeLimiter
    let agent: GuestAgent

    init(context: FreezeContext, gate: FreezeLimiter) {
        self.context = context
        self.gate = gate
        agent = GuestAgent(
            domain: context.domain, description: context.description, name: context.request.machine.name,
            timeout: FreezeTimes(context.settings, until: context.request.deadline).question)
    }

    var domain: Domain { context.domain }
    var description: DomainDescription { context.description }
    var request: FreezeRequest { context.request }
    var settings: HypervisorSettings { context.settings }
    var record: RecordFreezeState { context.record }

    func run() async throws -> FreezeResult {
        try agent.requireChannel()
        var freezeState = FreezeState(step: .preparing, snapshot: context.snapshot, disks: try context.heldDisks())
        freezeState.start = try await context.start()
        try await context.store.requireAbsence(of: freezeState.disks)
        let capacities = try await context.capacities(of: freezeState.disks)
        try await record(freezeState)
        // Listing them is also the question whether the agent answers at all, before anything depends on it.
        async let asked = agent.selection(of: request.disks)
        try await context.prepare(freezeState, capacities)
        let selection: FreezeSelection
        do {
            selection = try await asked
            try await context.requireIdle(freezeState.disks)
        } catch {
            try await context.giveUp(freezeState, because: error, isFenced: true)
        }

        freezeState.step = .switching
        freezeState.isThawPending = true
        freezeState.freezeSeconds = Int(times(of: selection).freeze.components.seconds)
        try await record(freezeState)
        let switching = freezeState
        let window = try await gate.pass(of: request.dataset) { try await passWindow(switching, selection) }
        let later = window.isThawPending ? await thawAgain() : nil
        freezeState.isThawPending = window.isThawPending && later == nil
        if !freezeState.isThawPending { freezeState.freezeSeconds = nil }
        let result: FreezeResult
        do {
            result = try window.result(later, selection, agentTimeout: settings.agentTimeout)
        } catch {
            try await context.giveUp(freezeState, because: error)
        }
        await context.store.noteBasesAtRest(of: &freezeState)
        freezeState.step = .held
        try await record(freezeState)
        return result
    }
}
