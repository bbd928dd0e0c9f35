internal import Hypervisor

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

    func datastores() async throws -> DatastoreMap {
        if let datastores = await cache.datastores { return datastores }
        let inventory = try await Inventory.read(session, until: .now + Self.discovery)
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
