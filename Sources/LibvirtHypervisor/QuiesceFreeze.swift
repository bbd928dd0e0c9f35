internal import Hypervisor

/// The `quiesce` freeze of one domain.
///
/// The overlays are made before the guest is frozen, so that it stays frozen only while QEMU switches to them;
/// `virsh snapshot-create-as --quiesce` makes them in between.
struct QuiesceFreeze: Sendable {
    let context: FreezeContext
    let gate: WindowGate
    /// For each question to the guest agent, in whole seconds as libvirt wants it: half of what is left, as a question
    /// that fails is followed by a thaw.
    private let agentTimeout: Duration

    /// What it takes to delete the overlays again and to say so.
    private static let undoing = Duration.milliseconds(500)

    init(context: FreezeContext, gate: WindowGate) {
        self.context = context
        self.gate = gate
        let longest = context.settings.agentTimeout
        let left = context.request.deadline.map { ContinuousClock.now.duration(to: $0) / 2 } ?? longest
        agentTimeout = .seconds(max(1, min(longest, left).components.seconds))
    }

    private var domain: Domain { context.domain }
    private var description: DomainDescription { context.description }
    private var request: FreezeRequest { context.request }
    private var settings: HypervisorSettings { context.settings }
    private var record: RecordHold { context.record }

    func run() async throws -> FreezeResult {
        try requireAgent()
        var hold = Hold(step: .preparing, snapshot: context.snapshot, disks: try context.heldDisks())
        try OverlayFile.requireAbsence(of: hold.disks)
        let capacities = try await context.capacities(of: hold.disks)
        try await record(hold)
        // Listing them is also the question whether the agent answers at all, before anything depends on it.
        async let listed = listFileSystems()
        try await context.prepare(hold, capacities)
        let selection: FreezeSelection
        do {
            let held = Set(request.disks.map(\.target))
            let writable = Set(description.disks.map(\.disk).filter { $0.exclusion == nil }.map(\.target))
            selection = FreezeSelection(try await listed, held: held, writable: writable)
            try await context.requireIdle(hold.disks)
        } catch let error as LibvirtError {
            try await context.giveUp(
                hold, because: notQuiesced("the guest agent does not answer", cause: error), isFenced: true)
        } catch {
            try await context.giveUp(hold, because: error, isFenced: true)
        }

        hold.step = .switching
        hold.owesThaw = true
        try await record(hold)
        let switching = hold
        let window = try await gate.pass(of: request.dataset) { try await passWindow(switching, selection) }
        let later = window.isThawPending ? await thawAgain() : nil
        hold.owesThaw = window.isThawPending && later == nil
        if let reason = failure(of: window) {
            try await context.giveUp(hold, because: reason)
        }
        await hold.noteBasesAtRest()
        hold.step = .held
        try await record(hold)
        return try result(of: window, later, selection)
    }
}

// MARK: what is frozen

extension QuiesceFreeze {
    private func requireAgent() throws {
        switch description.agent {
        case .connected: return
        case .none: throw notQuiesced("the VM has no guest agent channel")
        case .disconnected: throw notQuiesced("the guest agent is not running")
        }
    }

    private func listFileSystems() async throws -> [GuestFileSystem]? {
        try await blocking("listing the file systems of \(request.machine.name)", within: agentTimeout * 2) {
            try domain.setAgentTimeout(agentTimeout)
            do {
                return try domain.fileSystems()
            } catch let error as LibvirtError where error.saysThatGuestIsFrozen {
                throw notQuiesced("somebody else holds the guest frozen, and goes on doing so", cause: error)
            } catch let error as LibvirtError where !error.isAgentSilent {
                // The agent is there but will not list them: freeze all.
                return nil
            }
        }
    }
}

// MARK: steps

extension QuiesceFreeze {
    private func passWindow(_ hold: Hold, _ selection: FreezeSelection) async throws -> FrozenWindow {
        let document = snapshotDocument(name: hold.snapshot, held: hold.disks, of: description)
        let limit = agentTimeout + settings.freezeLimit
        let fence = WindowFence()
        let outcome = await act("freezing \(request.machine.name)", within: limit) {
            FrozenWindow.pass(domain, mountPoints: selection.mountPoints, snapshot: document, fence: fence)
        }
        guard case .givenUp(let call) = outcome else {
            guard case .ended(let window) = outcome else { throw CancellationError() }
            return try window.get()
        }
        // From here on a thaw is asked for over another connection, and this one is lent to nobody again.
        let cannotMove = fence.close()
        var left = hold
        let isThawed = await thawAgain() != nil
        // A freeze that was never sent for as long as the call hangs may come yet; its own thread thaws it then, or the
        // guard.
        let isOver = await call.result(within: .zero) != nil
        left.owesThaw = !(isThawed && isOver)
        guard cannotMove else {
            // libvirt may move the disks yet, or has: whoever releases looks at what became of it.
            try await record(left)
            throw call.timeOut(after: limit)
        }
        try await context.giveUp(
            left,
            because: notQuiesced(
                "the guest did not freeze within \(limit.inSeconds), and its disks stay where they are"),
            isFenced: true)
    }

    /// Asks for a thaw until the guest confirms one, for as long as a guest may stay frozen and the manager waits; what
    /// is still pending then is in the journal, and the guard and post ask again.
    /// - Returns: how many file systems it says it thawed; nil: it confirmed none.
    private func thawAgain() async -> Int? {
        let clock = ContinuousClock()
        let thaw = GuestThaw(uri: settings.uri, machineID: request.machine.id, agentTimeout: agentTimeout)
        // What was begun must be undone before the manager's time is over.
        let end = min(
            clock.now + settings.freezeLimit, request.deadline.map { $0 - Self.undoing } ?? .now + settings.freezeLimit)
        while clock.now + .milliseconds(200) < end {
            let limit = min(agentTimeout + .seconds(1), clock.now.duration(to: end))
            if let count = try? await thaw.ask(within: limit) { return count }
            try? await clock.sleep(for: .milliseconds(200))
        }
        return nil
    }

    private func failure(of window: FrozenWindow) -> (any Error)? {
        switch (window.frozen, window.moved) {
        case (.failure(let error as LibvirtError), _) where error.isRefusedByAgent:
            notQuiesced(
                "the guest agent refuses to freeze, as it does while somebody else holds it frozen", cause: error)
        case (.failure(let error), _): notQuiesced("the guest did not freeze", cause: error)
        case (.success(0), _): notQuiesced("the guest agent froze no file system")
        case (_, .failure(let error)?):
            HypervisorError(.callFailed, "the disks did not move to their overlays", remedy: .fallBack, cause: error)
        default: nil
        }
    }

    private func result(
        of window: FrozenWindow, _ later: Int?, _ selection: FreezeSelection
    ) throws -> FreezeResult {
        let frozen = try window.frozen.get()
        var result = FreezeResult(
            consistency: .quiesced, frozenFileSystems: frozen, listedFileSystems: selection.freezable?.count,
            frozenFor: window.duration)
        for reason in [window.doubt(later), selection.shortfall(frozen: frozen)].compactMap(\.self) {
            result.consistency = .crash
            result.notes.append(reason)
        }
        if result.consistency == .quiesced, case .failure(let error) = window.thawed {
            result.notes.append("the first thaw failed: \(error)")
        }
        return result
    }

    private func notQuiesced(_ message: String, cause: (any Error)? = nil) -> HypervisorError {
        HypervisorError(.notQuiesced, message, remedy: .fallBack, cause: cause)
    }
}
