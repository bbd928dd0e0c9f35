internal import Hypervisor

/// What discovery found, for the freezes of the same process.
actor InventoryCache {
    private var vms: [String: VMDetails] = [:]
    private(set) var datastores: DatastoreMap?
    /// The server's datastores.
    private(set) var listed: [Datastore]?

    func keep(_ inventory: Inventory, rules: StorageRules, resolver: any DatastoreResolver) -> DatastoreMap {
        let map = DatastoreMap(inventory.datastores, rules: rules, resolver: resolver)
        vms = Dictionary(
            inventory.vms.map { ($0.reference.value, $0) }, uniquingKeysWith: { first, _ in first })
        datastores = map
        listed = inventory.datastores
        return map
    }

    func details(_ id: String) -> VMDetails? { vms[id] }
}
