public import Hypervisor
internal import Support

/// `freeze`: the guest agent's freeze, and nothing of libvirt's snapshots.
extension LibvirtHypervisor: FileSystemFreezing {
    /// Freezes the file systems of a domain's guest; see `AgentFreeze`.
    public func freezeFileSystems(_ request: FreezeRequest) async throws -> FreezeResult {
        try await refusing {
            try await calls.with { [settings] connection in
                let domain = try await connection.requireDomain(request.machine.id)
                let description = try await blocking("reading \(request.machine.name)", within: .seconds(30)) {
                    try domain.description()
                }
                return try await AgentFreeze(
                    domain: domain, description: description, request: request, settings: settings
                ).run()
            }
        }
    }
}

/// `pause`: virDomainSuspend and virDomainResume.
extension LibvirtHypervisor: ProcessorPausing {
    private static let longestPausing = Duration.seconds(30)

    /// Suspends a running domain.
    public func pause(id: String, before deadline: ContinuousClock.Instant?) async throws -> [String] {
        try await refusing {
            try await calls.with { [settings] connection in
                let domain = try await connection.requireDomain(id)
                // Somebody else's pause is not ours to end.
                let state = try await blocking("asking whether the VM runs", within: .seconds(30)) {
                    try domain.state()
                }
                guard state == .running else {
                    throw HypervisorError(.changed, "the VM does not run any more", remedy: .fallBack)
                }
                let limit = min(Self.longestPausing, deadline.map { $0 - .now } ?? Self.longestPausing)
                switch await act("pausing the guest", within: limit, { try domain.suspend() }) {
                case .ended(.success): return []
                case .ended(.failure(let error)):
                    // It may have been, and the answer was lost with the connection.
                    let guest = GuestControl(domain: domain, settings: settings, record: { _ in })
                    let isUndone = (try? await guest.resumeOrSeeRunning()) != nil
                    throw HypervisorError(
                        .callFailed, "the VM could not be paused", remedy: isUndone ? .fallBack : .stop, cause: error)
                case .givenUp(let call): throw call.timeOut(after: limit)
                }
            }
        }
    }

    /// Resumes a domain that is paused, unless a failed write paused it.
    public func resume(id: String) async throws {
        try await retrying {
            try await calls.with { [settings] connection in
                let (domain, _) = try await connection.find(id)
                try await GuestControl(domain: domain, settings: settings, record: { _ in }).resumeOrSeeRunning()
            }
        }
    }
}

/// `shutdown`: by the guest's agent, then by ACPI's power button.
extension LibvirtHypervisor: GuestShutdown {
    /// Shuts a domain's guest down; see `DomainShutdown`.
    public func shutDown(id: String, before deadline: ContinuousClock.Instant) async throws {
        try await refusing {
            try await calls.with { [settings] connection in
                let domain = try await connection.requireDomain(id)
                try await DomainShutdown(domain: domain, agentTimeout: settings.agentTimeout, deadline: deadline).run()
            }
        }
    }

    private static let longestStart = Duration.seconds(120)

    /// Starts a domain that is off (virDomainCreateWithFlags).
    public func start(id: String) async throws {
        try await retrying {
            try await calls.blockingCall("starting the VM", within: Self.longestStart) { connection in
                guard let domain = try connection.domain(uuid: id) else { return }
                let state = try domain.state()
                // One that somebody started and moved runs elsewhere, on the same disks.
                guard state != .migratedAway else { return }
                if !state.isActive { try domain.start(paused: false) }
            }
            // Somebody else's start may be under way, or ours of before we were killed.
            let waiting = Backoff(until: .now + Self.longestStart, first: .milliseconds(100))
            let isUp: Bool? = try await waiting.firstValue {
                try await calls.blockingCall("asking whether the VM has started", within: .seconds(30)) { connection in
                    try connection.domain(uuid: id)?.isStartingUp() == true ? nil : true
                }
            }
            guard isUp == true else {
                throw HypervisorError(
                    .timedOut, "its start takes longer than \(Self.longestStart.text)", remedy: .retry)
            }
        }
    }

    /// What libvirt refuses now it may do in a moment: the daemon is being restarted, an image is in somebody's use.
    private func retrying(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as LibvirtError {
            throw HypervisorError(.callFailed, "the VM does not run again yet", remedy: .retry, cause: error)
        } catch let error as HypervisorError where error.code == .timedOut {
            throw HypervisorError(.timedOut, error.message, remedy: .retry, cause: error.cause)
        }
    }
}

/// What libvirt refuses as such was refused before the guest was touched; what may have been carried out is a HypervisorError.
private func refusing<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch let error as LibvirtError {
        throw HypervisorError(.callFailed, "libvirt does not tell of the VM", remedy: .fallBack, cause: error)
    }
}

extension Connection {
    /// - Throws: HypervisorError `.noSuchMachine`.
    fileprivate func requireDomain(_ uuid: String) async throws -> Domain {
        let domain = try await blocking("finding the VM", within: .seconds(30)) { try self.domain(uuid: uuid) }
        guard let domain else {
            throw HypervisorError(.noSuchMachine, "the VM was undefined meanwhile", remedy: .fallBack)
        }
        return domain
    }
}
