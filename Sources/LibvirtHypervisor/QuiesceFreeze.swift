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
        do {
            try await context.createOverlays(hold.disks, capacities)
        } catch {
            hold.disks = []
            try await context.giveUp(hold, because: error)
        }
        let selection: (mountPoints: [String]?, count: Int?)
        do {
            selection = selectedFileSystems(try await listed)
        } catch let error as LibvirtError {
            try await context.giveUp(hold, because: notQuiesced("the guest agent does not answer", cause: error))
        } catch {
            try await context.giveUp(hold, because: error)
        }

        hold.step = .switching
        hold.owesThaw = true
        try await record(hold)
        let switching = hold
        let window = try await gate.pass { try await passWindow(switching, mountPoints: selection.mountPoints) }
        hold.owesThaw = window.owesThaw ? !(await thawAgain()) : false
        if let reason = failure(of: window) {
            try await context.giveUp(hold, because: reason)
        }
        await hold.noteBasesAtRest()
        hold.step = .held
        try await record(hold)
        return try result(of: window, listed: selection.count)
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
            } catch let error as LibvirtError where !error.isAgentSilent {
                // The agent is there but will not list them: freeze all.
                return nil
            }
        }
    }

    /// The mount points to freeze (nil: all) and how many file systems that are.
    private func selectedFileSystems(_ all: [GuestFileSystem]?) -> (mountPoints: [String]?, count: Int?) {
        guard let all else { return (nil, nil) }
        let writable = description.disks.map(\.disk).filter { $0.exclusion == nil }
        let targets = Set(request.disks.map(\.target))
        let affected = all.filter { !targets.isDisjoint(with: $0.disks) }
        guard targets.count < writable.count, !affected.isEmpty else { return (nil, all.count) }
        return (affected.map(\.mountPoint), affected.count)
    }
}

// MARK: steps

extension QuiesceFreeze {
    private func passWindow(_ hold: Hold, mountPoints: [String]?) async throws -> FrozenWindow {
        let document = snapshotDocument(name: hold.snapshot, held: hold.disks, of: description)
        do {
            return try await blocking(
                "freezing \(request.machine.name)", within: agentTimeout + settings.freezeLimit
            ) {
                FrozenWindow.pass(domain, mountPoints: mountPoints, snapshot: document)
            }
        } catch {
            // The call hangs in libvirtd. The agent has a queue of its own there, so a thaw can still go through.
            var left = hold
            left.owesThaw = !(await thawAgain())
            try await record(left)
            throw error
        }
    }

    /// Asks for a thaw until the guest confirms one, for as long as a guest may stay frozen and the manager waits.
    ///
    /// What is still owed then is in the journal, and the guard and post ask again. So a question that the time left is
    /// too short for is not begun: on this connection it would be in the way of what follows.
    private func thawAgain() async -> Bool {
        let clock = ContinuousClock()
        let end = min(clock.now + settings.freezeLimit, request.deadline ?? .now + settings.freezeLimit)
        while clock.now + agentTimeout <= end {
            let limit = min(agentTimeout + .seconds(1), clock.now.duration(to: end))
            let thawed = try? await blocking("thawing \(request.machine.name)", within: limit) {
                try domain.thawFileSystems()
            }
            if thawed != nil { return true }
            try? await clock.sleep(for: .milliseconds(200))
        }
        return false
    }

    private func failure(of window: FrozenWindow) -> (any Error)? {
        switch (window.frozen, window.moved) {
        case (.failure(let error), _): notQuiesced("the guest did not freeze", cause: error)
        case (.success(0), _): notQuiesced("the guest agent froze no file system")
        case (_, .failure(let error)?):
            HypervisorError(.callFailed, "the disks did not move to their overlays", remedy: .fallBack, cause: error)
        default: nil
        }
    }

    private func result(of window: FrozenWindow, listed: Int?) throws -> FreezeResult {
        var result = FreezeResult(
            consistency: .quiesced, frozenFileSystems: try window.frozen.get(), listedFileSystems: listed,
            frozenFor: window.duration)
        switch window.thawed {
        case .success(0):
            result.consistency = .crash
            result.notes.append("the guest had thawed by itself before its disks had moved")
        case .failure(let error):
            result.notes.append("the first thaw failed: \(error)")
        case .success:
            break
        }
        return result
    }

    private func notQuiesced(_ message: String, cause: (any Error)? = nil) -> HypervisorError {
        HypervisorError(.notQuiesced, message, remedy: .fallBack, cause: cause)
    }
}
