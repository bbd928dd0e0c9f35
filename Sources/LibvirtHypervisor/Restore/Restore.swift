internal import Hypervisor
internal import Support
internal import Synchronization
internal import XMLTree

/// Makes a domain from what was saved of it and brings it up, or leaves nothing behind.
struct Restore: Sendable {
    /// A guest's RAM may be hundreds of gigabytes, on a slow store.
    private static let ramLimit = Duration.seconds(3600)
    private static let limit = Duration.seconds(120)
    /// For a VM to be ended that must not run.
    private static let endLimit = Duration.seconds(60)

    let connection: Connection
    let request: RestoreRequest

    func run() async throws -> VirtualMachine {
        var name = request.newName ?? "the VM"
        do {
            let plan = try await step("reading what was saved") {
                let plan = try RestorePlan(request) { try connection.volumePath(pool: $0, volume: $1) }
                try requireRoom(for: plan)
                return plan
            }
            name = plan.name
            let defined = try await step("defining \(plan.name)") { try define(plan) }
            return try await bringUp(defined, plan)
        } catch let error as HypervisorError {
            throw error
        } catch {
            throw HypervisorError(.callFailed, "\(name) was not restored", remedy: .stop, cause: error)
        }
    }

    /// Everything before `define`, for a VM that may be running still.
    /// - Returns: what would be left out.
    func check() async throws -> [String] {
        do {
            return try await step("reading what was saved") {
                let plan = try RestorePlan(request) { try connection.volumePath(pool: $0, volume: $1) }
                try requireRoom(for: plan, isOffAlready: false)
                try connection.requireUnderstood(of: plan.definition)
                return plan.leftOut
            }
        } catch let error as HypervisorError {
            throw error
        } catch {
            throw HypervisorError(.callFailed, "what was saved cannot be restored", remedy: .stop, cause: error)
        }
    }

    private func step<Value: Sendable>(
        _ what: String, within limit: Duration = limit, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await blocking(what, within: limit, body)
    }
}

// MARK: before anything is touched

extension Restore {
    private func requireRoom(for plan: RestorePlan, isOffAlready: Bool = true) throws {
        if let other = try connection.domain(name: plan.name), try other.uuid() != plan.uuid.lowercased() {
            throw HypervisorError(
                .exists, "there is another VM named \(plan.name); rename or undefine it, or choose another name",
                remedy: .stop)
        }
        if plan.isNew {
            for placement in plan.placements { try placement.requireAbsence() }
        } else if let domain = try connection.domain(uuid: plan.uuid) {
            guard domain.name == plan.name else {
                throw HypervisorError(
                    .changed, "the VM \(plan.name) is now named \(domain.name); rename it back with: virsh domrename",
                    remedy: .stop)
            }
            guard try !isOffAlready || domain.power() == .off else {
                throw HypervisorError(.changed, "\(plan.name) is not off; shut it down first", remedy: .stop)
            }
        }
    }
}

// MARK: steps

extension Restore {
    /// The definition and the saved files; undone when it fails.
    private func define(_ plan: RestorePlan) throws -> (domain: Domain, files: [String]) {
        let domain = try connection.define(plan.definition)
        var made: [String] = []
        do {
            // A later start would resume from its stale RAM, over the disks of another time.
            if !plan.isNew { try domain.removeManagedSave() }
            for placement in plan.placements { made += try placement.place() }
            return (domain, made)
        } catch {
            try undo(domain, plan, files: made, because: error)
        }
    }

    private func bringUp(_ defined: (domain: Domain, files: [String]), _ plan: RestorePlan) async throws
        -> VirtualMachine
    {
        let domain = defined.domain
        // When the call that starts it was refused, whatever runs under this name is not ours to end.
        var mayBeUp = false
        let start = Given()
        do {
            do {
                try await self.start(domain, plan, start)
                mayBeUp = true
            } catch let error as HypervisorError where error.code == .timedOut {
                mayBeUp = true
                throw error
            }
            if plan.dump != nil { try await settle(domain, plan) }
            return try await step("reading \(plan.name)") {
                guard let machine = try domain.machine(power: domain.power()) else {
                    throw HypervisorError(.noSuchMachine, "the VM was undefined meanwhile", remedy: .stop)
                }
                return machine
            }
        } catch {
            if mayBeUp { try await end(domain, plan, start, because: error) }
            return try await step("undoing the restore of \(plan.name)") {
                try undo(domain, plan, files: defined.files, because: error)
            }
        }
    }

    /// Ends a domain whose start was seen to work, or was given up, and makes sure that it does not come up again.
    /// - Throws: HypervisorError `.timedOut` where that cannot be known.
    private func end(_ domain: Domain, _ plan: RestorePlan, _ start: Given, because reason: any Error) async throws {
        var problem = "its start has not ended yet"
        let deadline = ContinuousClock.now + Self.endLimit
        repeat {
            do {
                let isOff = try await step("ending \(plan.name)", within: Self.endLimit) {
                    // Before its state is read: a call that has ended by then cannot start it afterwards.
                    let isOver = start.isOver
                    try domain.destroy()
                    return try isOver && domain.isGoneOrOff()
                }
                if isOff { return }
            } catch {
                problem = "\(error)"
            }
            try? await Task.sleep(for: .milliseconds(250))
        } while .now < deadline
        throw HypervisorError(
            .timedOut,
            "\(plan.name) was not restored, and may be running or be started yet (\(problem)); check it, and switch "
                + "it off with: "
                + "virsh destroy \(shellQuoted(plan.name))", remedy: .stop, cause: reason)
    }

    private func start(_ domain: Domain, _ plan: RestorePlan, _ call: Given) async throws {
        guard request.power != .off else { return call.end() }
        guard let dump = plan.dump else {
            let isPaused = request.power == .paused
            return try await step("starting \(plan.name)") {
                defer { call.end() }
                try domain.start(paused: isPaused)
            }
        }
        try await step("restoring the RAM of \(plan.name)", within: Self.ramLimit) {
            defer { call.end() }
            if let xml = dump.xml { try dump.image.replaceXML(with: xml.description) }
            try connection.restore(from: dump.image.path)
        }
    }

    /// What must be done before a guest with its old RAM runs: with the state of its network cards its links came up,
    /// whatever the definition says.
    private func settle(_ domain: Domain, _ plan: RestorePlan) async throws {
        try await step("resuming \(plan.name)") {
            if request.linksUp == false { try domain.takeLinksDown() }
            if request.power == .running { try domain.resume() }
        }
    }

    /// A new VM is removed again, with its files; one that was there stays defined.
    private func undo(_ domain: Domain, _ plan: RestorePlan, files: [String], because reason: any Error) throws -> Never
    {
        guard plan.isNew else { throw reason }
        do {
            try domain.undefine()
        } catch {
            throw HypervisorError(
                .callFailed,
                "\(plan.name) could not be removed again (\(error)); remove it with: virsh undefine --nvram",
                remedy: .stop, cause: reason)
        }
        FilePlacement.remove(files)
        throw reason
    }
}

/// Whether a call that is running has ended; one that was given up continues.
private final class Given: Sendable {
    private let over = Atomic(false)

    var isOver: Bool { over.load(ordering: .acquiring) }

    func end() { over.store(true, ordering: .releasing) }
}

extension Domain {
    /// Whether nothing of it runs.
    fileprivate func isGoneOrOff() throws -> Bool {
        do {
            return try power() == .off
        } catch let error as LibvirtError where error.isNoSuchDomain {
            return true
        }
    }
}
