internal import Hypervisor

/// What discovery found, for the freezes of the same process.
actor KnownMachines {
    private var machines: [String: MachineDetails] = [:]
    private(set) var datastores: DatastoreMap?
    /// The server's datastores.
    private(set) var listed: [Datastore]?

    func keep(_ inventory: Inventory, rules: StorageRules, placing: any DatastorePlacing) -> DatastoreMap {
        let map = DatastoreMap(inventory.datastores, rules: rules, placing: placing)
        machines = Dictionary(
            inventory.machines.map { ($0.reference.value, $0) }, uniquingKeysWith: { first, _ in first })
        datastores = map
        listed = inventory.datastores
        return map
    }

    func details(_ id: String) -> MachineDetails? { machines[id] }
}
