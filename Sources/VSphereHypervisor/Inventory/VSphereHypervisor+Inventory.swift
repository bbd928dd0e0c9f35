internal import Hypervisor
internal import Support

extension VSphereHypervisor {
    func inventory() async throws -> Inventory {
        try await describing("asking \(settings.uri) for its VMs") {
            try await Inventory.read(session, until: .now + Self.discovery)
        }
    }

    func details(of vm: MoRef) async throws -> VMDetails? {
        var request = PropertyRequest()
        request.want(VMDetails.paths, of: "VirtualMachine")
        request.add(vm)
        do {
            return try await session.properties(request, until: .now + .seconds(30)).first.map(VMDetails.init)
        } catch let failure as CallFailure where failure.fault?.kind == .missing {
            return nil
        }
    }

    /// What discovery found of a VM that is to be frozen; read now where there was none.
    /// - Throws: HypervisorError `.noSuchMachine`.
    func plannedDetails(_ id: String) async throws -> VMDetails {
        if let details = await cache.details(id) { return details }
        let details = try await describing("reading the VM") { try await self.details(of: .vm(id)) }
        guard let details else { throw HypervisorError.goneMeanwhile }
        return details
    }

    /// A VM snapshot's RAM is in the storage snapshot if it goes where the disks are.
    /// - Throws: HypervisorError `.fallBack`.
    func requireRAMInside(_ details: VMDetails, _ disks: [Disk]) async throws {
        let folder = details.snapshotFolder
        let map = try await describing("asking for the datastores") { try await self.datastores() }
        let places = folder.map { map.datasets(of: VMDisk.Image(file: $0, datastore: nil)) } ?? []
        guard Set(disks.flatMap { $0.datasets?.first ?? [] }).isDisjoint(with: places) else { return }
        throw HypervisorError(
            .callFailed,
            "its RAM would go to \(folder.map { printable($0) } ?? "a place unknown"), "
                + "which is not known to be in this snapshot",
            remedy: .fallBack, reason: .diskUnsupported)
    }

    func datastores() async throws -> DatastoreMap {
        if let datastores = await cache.datastores { return datastores }
        let inventory = try await Inventory.read(session, until: .now + Self.discovery, hasVMs: false)
        return await cache.keep(inventory, rules: settings.storageRules, resolver: resolver)
    }

    func describing<Value>(_ action: String, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let failure as CallFailure {
            throw failure.error(action, remedy: failure.isTransient ? .retry : .stop)
        }
    }
}

extension HypervisorError {
    /// A VM that is to be frozen is not there any more.
    static var goneMeanwhile: HypervisorError {
        HypervisorError(.noSuchMachine, "the VM was removed from the inventory meanwhile", remedy: .fallBack)
    }
}
