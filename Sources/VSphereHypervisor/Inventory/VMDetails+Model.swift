internal import Bounds
internal import Hypervisor

extension VMDetails {
    /// The VM in the words of the model.
    func virtualMachine(_ datastores: DatastoreMap) -> VirtualMachine {
        VirtualMachine(
            id: reference.value, name: name, uuids: uuids, power: power,
            disks: (devices?.disks ?? []).map { disk in
                Disk(
                    target: disk.target, chain: disk.chain.map(\.file),
                    datasets: disk.chain.map(datastores.datasets(of:)), format: "vmdk")
            }, memory: memoryMegabytes.times(1 << 20), notes: notes)
    }
}
