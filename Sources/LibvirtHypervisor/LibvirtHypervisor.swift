internal import Glibc
public import Hypervisor

/// KVM guests under a libvirtd.
public final class LibvirtHypervisor: Hypervisor, HypervisorBackEnd {
    /// The word in the configuration.
    public static let kind = "libvirt"

    /// Threads that read definitions; one connection serves five calls at once.
    private static let readers = 4
    /// So many definitions are read sooner than a thread is started.
    private static let share = 8

    let settings: HypervisorSettings
    private let gate: FreezeLimiter
    private let events = BlockJobEvents()
    private let pauses = PauseStopwatch()
    private let opened = OpenConnections()
    let calls: ConnectionPool
    /// Apart from `calls`, since to hear of events costs a thread and more.
    private let commits: ConnectionPool
    private let dumps: ConnectionPool

    /// The configuration's name for it.
    public var name: String { settings.name }
    /// `max_parallel` of its section; nil: the general one.
    public var maxParallel: Int? { settings.maxParallel }
    /// `quiesce_attempts` of its section.
    public var freezeAttempts: Int { settings.quiesceAttempts }
    /// Where overlays are made; nil: on another host.
    public var overlayDirectory: String? { settings.site == nil ? settings.overlayDirectory : nil }

    /// A client of the libvirtd at `settings.uri`; connects on first use.
    public init(_ settings: HypervisorSettings) {
        self.settings = settings
        // Two for each processor, so that it has work while a guest waits for its disk.
        gate = FreezeLimiter(places: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) * 2)
        calls = ConnectionPool(uri: settings.uri, site: settings.site, opened: opened)
        commits = ConnectionPool(uri: settings.uri, site: settings.site, hearsEvents: true, opened: opened)
        dumps = ConnectionPool(uri: settings.uri, site: settings.site, hearsEvents: true, opened: opened)
    }

    /// A client of the libvirtd that the settings name.
    public static func make(_ settings: HypervisorSettings) -> any Hypervisor {
        LibvirtHypervisor(settings)
    }

    /// One call, or some that belong together, over a connection that is free; it is told where the overlays lie.
    func asking<Value: Sendable>(
        _ what: String, within limit: Duration,
        _ body: @escaping @Sendable (Connection, any OverlayStore) throws -> Value
    ) async throws -> Value {
        try await calls.blockingCall(what, within: limit) { [settings] in
            try body($0, settings.overlayStore(on: $0))
        }
    }

    /// All domains, running or not.
    public func virtualMachines() async throws -> [VirtualMachine] {
        let (some, others) = try await calls.blockingCall("listing the domains", within: .seconds(60)) { connection in
            let domains = try connection.domains()
            return (try domains.prefix(Self.share).machines(), domains.dropFirst(Self.share))
        }
        return try await planned(some + Self.read(others))
    }

    /// Several threads: reading and parsing definitions is most of what a hook that finds no VM does.
    private static func read(
        _ domains: ArraySlice<(domain: Domain, power: VirtualMachine.PowerState)>
    ) async throws -> [VirtualMachine] {
        let share = max(share, (domains.count + readers - 1) / readers)
        return try await withThrowingTaskGroup(of: (Int, [VirtualMachine]).self) { group in
            for start in stride(from: domains.startIndex, to: domains.endIndex, by: share) {
                let some = domains[start..<min(start + share, domains.endIndex)]
                group.addTask {
                    (start, try await blocking("reading the domains", within: .seconds(60)) { try some.machines() })
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.flatMap(\.1)
        }
    }

    /// The domain of that UUID.
    public func virtualMachine(id: String) async throws -> VirtualMachine? {
        let found = try await calls.blockingCall("reading the domain \(id)", within: .seconds(30)) { connection in
            try connection.domain(uuid: id).flatMap { try $0.machine(power: $0.power()) }
        }
        return try await planned(found.map { [$0] } ?? []).first
    }

    /// With the paths of this host; where they are looked for, a disk may hang.
    private func planned(_ machines: [VirtualMachine]) async throws -> [VirtualMachine] {
        guard settings.site != nil else { return machines }
        return try await blocking("finding the disks of \(section) on this host", within: .seconds(30)) { [settings] in
            machines.map(settings.plannedMachine)
        }
    }

    /// Freezes a domain; see `QuiesceFreeze` and `MemoryFreeze`.
    public func freeze(_ request: FreezeRequest, record: @escaping RecordFreezeState) async throws -> FreezeResult {
        switch request.strategy {
        case .quiesce:
            return try await calls.with { [gate] connection in
                try await QuiesceFreeze(context: context(request, on: connection, record), gate: gate).run()
            }
        case .memory:
            return try await dumps.with { [pauses] connection in
                try await MemoryFreeze(
                    connection: connection, context: context(request, on: connection, record), pauses: pauses
                ).run()
            }
        default:
            throw HypervisorError(
                .callFailed, "the strategy \(request.strategy.rawValue) moves no disks", remedy: .fallBack)
        }
    }

    private func context(
        _ request: FreezeRequest, on connection: Connection, _ record: @escaping RecordFreezeState
    ) async throws -> FreezeContext {
        let (domain, definitions) = try await blocking("reading \(request.machine.name)", within: .seconds(30)) {
            guard let domain = try connection.domain(uuid: request.machine.id) else {
                throw HypervisorError(.noSuchMachine, "the VM was undefined meanwhile", remedy: .fallBack)
            }
            let definitions = try domain.diskDefinitions(of: request.disks.map(\.target))
            return (domain, definitions)
        }
        return FreezeContext(
            domain: domain, description: definitions.description, kept: definitions.kept, request: request,
            settings: settings, record: record)
    }

    /// Thaws a domain's guest, over a connection that nothing else uses.
    public func thaw(id: String) async throws -> Int {
        // That of Windows comes when VSS has ended its backup, and only once.
        let answer = max(settings.agentTimeout, settings.freezeLimit)
        return try await GuestThaw(uri: settings.uri, machineID: id, agentTimeout: answer).ask()
    }

    /// Brings a domain off its overlays; see `Release`.
    public func release(_ request: ReleaseRequest, record: @escaping RecordFreezeState) async throws -> ReleaseResult {
        do {
            return try await commits.with { [settings, events] connection in
                try await Release(
                    connection: connection, request: request, settings: settings, events: events, record: record
                ).run()
            }
        } catch let error as LibvirtError {
            // The daemon may have been restarted, or the domain was busy with somebody else's job.
            throw HypervisorError(.callFailed, "not released yet", remedy: .retry, cause: error)
        } catch let error as HypervisorError where error.code == .changed && settings.site != nil {
            let place = " (paths and commands are those of the host of \(section))"
            throw HypervisorError(error.code, error.message + place, remedy: error.remedy, cause: error.cause)
        } catch let error as HypervisorError where error.code == .timedOut && error.remedy == .stop {
            // A call that hangs may still be carried out; each attempt reads anew what is there.
            throw HypervisorError(.timedOut, error.message, remedy: .retry, cause: error.cause)
        }
    }

    /// The domain's definition, UEFI variables and TPM state; see `completed`.
    public func exportDefinition(of id: String) async throws -> ExportedDefinition? {
        try await calls.blockingCall("reading the definition of \(id)", within: .seconds(30)) { connection in
            guard let domain = try connection.domain(uuid: id) else {
                throw HypervisorError(.noSuchMachine, "the VM was undefined meanwhile", remedy: .stop)
            }
            return try domain.exportDefinition(files: connection.site == nil ? DomainFiles() : nil)
        }
    }

    /// Ends a domain at once (virDomainDestroy).
    public func stop(id: String) async throws {
        try await calls.blockingCall("switching off the domain \(id)", within: .seconds(60)) { connection in
            try connection.domain(uuid: id)?.destroy()
        }
    }

    /// All that can be known beforehand; see `Restore`.
    public func checkRestore(_ request: RestoreRequest) async throws -> [String] {
        try await calls.with { try await Restore(connection: $0, request: request).check() }
    }

    /// Defines a domain anew and brings it up; see `Restore`.
    public func restore(_ request: RestoreRequest) async throws -> VirtualMachine {
        try await calls.with { try await Restore(connection: $0, request: request).run() }
    }

    /// Closes all connections, as far as no call hangs on them.
    public func close() async {
        await calls.close()
        await commits.close()
        await dumps.close()
        await opened.areClosed(within: .milliseconds(250))
    }
}

extension Sequence<(domain: Domain, power: VirtualMachine.PowerState)> {
    fileprivate func machines() throws -> [VirtualMachine] {
        try compactMap { try $0.domain.machine(power: $0.power) }
    }
}

extension Domain {
    /// The domain in the words of the model; nil when it went away meanwhile.
    ///
    /// One that cannot be read is a VM of which nothing but its name is known, and keeps no other from being found.
    func machine(power: VirtualMachine.PowerState) throws -> VirtualMachine? {
        do {
            return try description().machine(power, isElsewhere: connection.site != nil)
        } catch let error as LibvirtError where error.isNoSuchDomain {
            return nil
        } catch {
            // Without a connection nothing could be read of any of them.
            guard connection.isAlive else { throw error }
            return VirtualMachine(
                id: try uuid(), name: name, power: power, disks: [],
                unresolved: ["its definition cannot be read: \(error)"])
        }
    }
}
