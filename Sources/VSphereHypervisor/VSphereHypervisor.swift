public import Hypervisor
internal import Support

/// VMs of a vCenter server or a stand-alone ESXi host whose datastores are datasets of this host.
public final class VSphereHypervisor: Hypervisor, HypervisorBackEnd, SnapshotReverting {
    /// The word in the configuration.
    public static let kind = "vsphere"

    /// How long the inventory may take to read.
    static let discovery = Duration.seconds(120)

    let settings: HypervisorSettings
    let resolver: any DatastoreResolver
    let session: Session
    let poller: TaskPoller
    let cache = InventoryCache()

    /// The configuration's name for it.
    public var name: String { settings.name }
    /// None: what a VM snapshot needs is beside the VM's disks.
    public var overlayDirectory: String? { nil }
    /// VMs at a time, as its section says.
    public var maxParallel: Int? { settings.maxParallel }

    /// A client of the server at `settings.uri`; connects on first use.
    public convenience init(_ settings: HypervisorSettings) {
        let trust = settings.login?.trust ?? .system
        self.init(
            settings, resolver: LocalDatastoreResolver(roots: settings.roots),
            transport: CurlTransport(url: settings.uri, trust: trust), environment: processEnvironment())
    }

    init(
        _ settings: HypervisorSettings, resolver: any DatastoreResolver, transport: any Transport,
        environment: [String: String]
    ) {
        let session = Session(url: settings.uri, username: settings.login?.username ?? "", transport: transport) {
            guard let login = settings.login else {
                throw HypervisorError(.misconfigured, "[hypervisor \(settings.name)] has no username", remedy: .stop)
            }
            return try PasswordFile(login, section: settings.name, environment: environment).read()
        }
        self.settings = settings
        self.resolver = resolver
        self.session = session
        poller = TaskPoller { try await session.progress(of: $0, vms: $1, until: $2) }
    }

    /// A client of the server that the settings name.
    public static func make(_ settings: HypervisorSettings) -> any Hypervisor {
        VSphereHypervisor(settings)
    }

    /// All VMs of the server, templates too.
    public func virtualMachines() async throws -> [VirtualMachine] {
        // Thousands of VMs are worth all processors.
        try await withTaskExecutorPreference(globalConcurrentExecutor) {
            let inventory = try await inventory()
            let datastores = await cache.keep(inventory, rules: settings.storageRules, resolver: resolver)
            return inventory.vms.map { $0.virtualMachine(datastores) }
        }
    }

    /// The VM of that MoRef.
    public func virtualMachine(id: String) async throws -> VirtualMachine? {
        try await describing("reading the VM \(id)") {
            guard let details = try await details(of: .vm(id)) else { return nil }
            return details.virtualMachine(try await datastores())
        }
    }

    /// Takes a snapshot of a VM; see `SnapshotFreeze`.
    public func freeze(_ request: FreezeRequest, record: @escaping RecordFreezeState) async throws -> FreezeResult {
        guard request.strategy == .quiesce || request.strategy == .memory else {
            throw HypervisorError(
                .callFailed, "the strategy \(request.strategy.rawValue) freezes nothing", remedy: .fallBack)
        }
        let details = try await plannedDetails(request.machine.id)
        if request.strategy == .memory { try await requireRAMInside(details, request.disks) }
        return try await SnapshotFreeze(
            session: session, poller: poller, details: details, request: request,
            quiesceAttempts: settings.quiesceAttempts, record: record
        ).run()
    }

    /// Removes a VM's snapshot; see `SnapshotRelease`.
    public func release(_ request: ReleaseRequest, record: @escaping RecordFreezeState) async throws -> ReleaseResult {
        try await SnapshotRelease(
            session: session, poller: poller, request: request, limit: settings.commitTimeout, record: record
        ).run()
    }

    /// None: a VM's definition is beside its disks.
    public func exportDefinition(of id: String) async throws -> ExportedDefinition? { nil }

    /// Powers a VM off at once.
    public func stop(id: String) async throws {
        try await describing("powering off the VM \(id)") {
            try await VMPower(session: session, poller: poller, vm: .vm(id)).off()
        }
    }

    /// Refused: a VM is restored from its own VM snapshot, see `revert`.
    public func restore(_ request: RestoreRequest) async throws -> VirtualMachine {
        throw HypervisorError(
            .callFailed,
            "a vSphere VM is restored from its own snapshot: restore with --in-place, or register the VM from "
                + "a clone of the dataset",
            remedy: .stop)
    }

    /// Restores a VM whose datasets have been rolled back; see `SnapshotRevert`.
    public func revert(_ vm: RevertRequest) async throws -> [String] {
        try await SnapshotRevert(session: session, poller: poller, request: vm).run()
    }

    /// What is wrong in the inventory and in the configuration, and the datastores of other servers; see `InventoryChecks`.
    public func findings() async throws -> [Finding] {
        let inventory = try await inventory()
        var checks = InventoryChecks(inventory: inventory, settings: settings, resolver: resolver)
        checks.missingPrivileges = try await describing("asking for the account's privileges") {
            try await Privileges.missing(
                Privileges.needed(for: settings.strategies), on: checks.mapped, session,
                until: .now + Self.discovery)
        }
        let licence =
            settings.strategies.contains(where: \.movesDisks)
            ? try await describing("asking for the licence") {
                try await HostLicence.finding(session, until: .now + Self.discovery)
            } : nil
        return checks.all + [licence].compactMap { $0 }
            + InventoryChecks.foreign(inventory.datastores, settings, resolver)
    }

    /// Why VM snapshots, pausing or a shutdown would be refused, by what discovery found of the VM.
    public func obstacles(
        to strategies: [Strategy], of machine: VirtualMachine, disks: [Disk]
    ) async throws -> [Strategy: StrategyObstacle] {
        let details = try await plannedDetails(machine.id)
        var obstacles: [Strategy: StrategyObstacle] = [:]
        for strategy in strategies {
            switch strategy {
            case .memory, .quiesce: obstacles[strategy] = details.obstacle(to: strategy, targets: disks.map(\.target))
            case .pause: obstacles[strategy] = details.obstacleToPause
            case .shutdown: obstacles[strategy] = details.obstacleToShutdown
            case .freeze, .exec, .crashConsistent, .ignore: continue
            }
        }
        if strategies.contains(.memory), obstacles[.memory] == nil {
            do {
                try await requireRAMInside(details, disks)
            } catch let error as HypervisorError where error.remedy == .fallBack {
                obstacles[.memory] = StrategyObstacle(error)
            }
        }
        return obstacles
    }

    /// Logs out.
    public func close() async {
        await session.close()
    }
}
