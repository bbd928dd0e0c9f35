public import Hypervisor
internal import Storage

/// VMs of a vCenter server or a stand-alone ESXi host whose datastores are datasets of this host.
public final class VSphereHypervisor: Hypervisor, HypervisorBackEnd, SnapshotReverting {
    /// The word in the configuration.
    public static let kind = "vsphere"

    private static let discovery = Duration.seconds(120)

    private let settings: HypervisorSettings
    private let placing: any DatastorePlacing
    private let session: Session
    private let watch: TaskWatch
    private let known = KnownMachines()

    /// The configuration's name for it.
    public var name: String { settings.name }
    /// None: what a VM snapshot needs is beside the VM's disks.
    public var overlayDirectory: String? { nil }
    /// VMs at a time, as its section says.
    public var maxParallel: Int? { settings.maxParallel }

    /// A client of the server at `settings.uri`; connects on first use.
    public convenience init(_ settings: HypervisorSettings) {
        self.init(settings, placing: HostPlacing(roots: settings.roots))
    }

    /// A client that finds the datasets of datastores as `placing` says.
    public convenience init(_ settings: HypervisorSettings, placing: any DatastorePlacing) {
        let trust = settings.login?.trust ?? .system
        self.init(
            settings, placing: placing, transport: CurlTransport(url: settings.uri, trust: trust),
            environment: processEnvironment())
    }

    init(
        _ settings: HypervisorSettings, placing: any DatastorePlacing, transport: any Transport,
        environment: [String: String]
    ) {
        let session = Session(url: settings.uri, username: settings.login?.username ?? "", transport: transport) {
            guard let login = settings.login else {
                throw HypervisorError(.misconfigured, "[hypervisor \(settings.name)] has no username", remedy: .stop)
            }
            return try PasswordFile(login, section: settings.name, environment: environment).read()
        }
        self.settings = settings
        self.placing = placing
        self.session = session
        watch = TaskWatch { try await session.progress(of: $0, machines: $1, until: $2) }
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
            let datastores = await known.keep(inventory, rules: settings.storageRules, placing: placing)
            return inventory.machines.map { $0.machine(datastores) }
        }
    }

    /// The VM of that MoRef.
    public func virtualMachine(id: String) async throws -> VirtualMachine? {
        try await wording("looking at the VM \(id)") {
            guard let details = try await details(of: .machine(id)) else { return nil }
            return details.machine(try await datastores())
        }
    }

    /// Takes a snapshot of a VM; see `SnapshotFreeze`.
    public func freeze(_ request: FreezeRequest, record: @escaping RecordHold) async throws -> FreezeResult {
        guard request.strategy == .quiesce || request.strategy == .memory else {
            throw HypervisorError(
                .callFailed, "the strategy \(request.strategy.rawValue) freezes nothing", remedy: .fallBack)
        }
        var details = await known.details(request.machine.id)
        if details == nil {
            details = try await wording("looking at the VM") {
                try await self.details(of: .machine(request.machine.id))
            }
        }
        guard let details else {
            throw HypervisorError(.noSuchMachine, "the VM was removed from the inventory meanwhile", remedy: .fallBack)
        }
        return try await SnapshotFreeze(
            session: session, watch: watch, details: details, request: request,
            quiesceAttempts: settings.quiesceAttempts, record: record
        ).run()
    }

    /// Removes a VM's snapshot; see `SnapshotRelease`.
    public func release(_ request: ReleaseRequest, record: @escaping RecordHold) async throws -> ReleaseResult {
        try await SnapshotRelease(
            session: session, watch: watch, request: request, limit: settings.commitTimeout, record: record
        ).run()
    }

    /// None: a VM's definition is beside its disks.
    public func keepsake(of id: String) async throws -> Keepsake? { nil }

    /// Switches a VM off at once.
    public func stop(id: String) async throws {
        try await wording("switching off the VM \(id)") {
            try await Power(session: session, watch: watch, machine: .machine(id)).off()
        }
    }

    /// Not to be had: a VM is put back from its own VM snapshot, see `revert`.
    public func restore(_ request: RestoreRequest) async throws -> VirtualMachine {
        throw HypervisorError(
            .callFailed,
            "a vSphere VM is put back from its own snapshot: restore with --in-place, or register the VM from "
                + "a clone of the dataset",
            remedy: .stop)
    }

    /// Puts a VM back whose datasets have been rolled back; see `SnapshotRevert`.
    public func revert(_ machine: RevertRequest) async throws -> [String] {
        try await SnapshotRevert(session: session, watch: watch, request: machine).run()
    }

    /// What can be seen amiss in the inventory and in the configuration; see `Findings`.
    public func findings() async throws -> [String] {
        let inventory = try await inventory()
        var findings = Findings(inventory: inventory, settings: settings, placing: placing)
        findings.lacking = try await wording("asking for the account's privileges") {
            try await Privileges.lacking(on: findings.mapped, session, until: .now + Self.discovery)
        }
        return findings.all
    }

    /// The datastores of other servers; see `Findings`.
    public func notes() async throws -> [String] {
        var datastores = await known.listed
        if datastores == nil { datastores = try await inventory().datastores }
        return Findings.foreign(datastores ?? [], settings, placing)
    }

    /// Logs out.
    public func close() async {
        await session.close()
    }
}

extension VSphereHypervisor {
    private func inventory() async throws -> Inventory {
        try await wording("asking \(settings.uri) for its VMs") {
            try await Inventory.read(session, until: .now + Self.discovery)
        }
    }

    private func details(of machine: MoRef) async throws -> MachineDetails? {
        var request = PropertyRequest()
        request.want(MachineDetails.paths, of: "VirtualMachine")
        request.add(machine)
        do {
            return try await session.properties(request, until: .now + .seconds(30)).first.map(MachineDetails.init)
        } catch let failure as CallFailure where failure.fault?.kind == .missing {
            return nil
        }
    }

    private func datastores() async throws -> DatastoreMap {
        if let datastores = await known.datastores { return datastores }
        let inventory = try await Inventory.read(session, until: .now + Self.discovery)
        return await known.keep(inventory, rules: settings.storageRules, placing: placing)
    }

    private func wording<Value>(_ action: String, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let failure as CallFailure {
            throw failure.error(action, remedy: failure.isTransient ? .retry : .stop)
        }
    }
}
