internal import Glibc
internal import Hypervisor
internal import Storage

/// Whether a VM is alone on its datasets, so that they can be rolled back for it.
struct DatasetUse: Sendable {
    let storage: StorageMap

    /// Who or what else uses the datasets, in words; empty when nobody does.
    /// - Parameter others: every VM but the one in question.
    func others(on datasets: [DatasetName], than images: [String], _ others: [VirtualMachine]) -> [String] {
        let machines = machines(on: datasets, others)
        if !machines.isEmpty { return machines }
        let own = Set(images.compactMap { try? storage.locate($0).resolvedPath })
        for point in datasets.compactMap({ storage.mountTable.mountPoints(of: $0).first }) {
            if let file = firstForeignFile(in: point, own) { return ["the file \(printable(file, limit: 300))"] }
        }
        return []
    }

    /// The VMs with a disk on one of the datasets, in words.
    func machines(on datasets: [DatasetName], _ machines: [VirtualMachine]) -> [String] {
        let used = Set(datasets)
        return machines.filter { machine in
            machine.disks.contains { disk in
                let places = disk.datasets?.flatMap { $0 } ?? disk.chain.flatMap { self.datasets(of: $0) }
                return !used.isDisjoint(with: places)
            }
        }.map { "the VM \(printable($0.name))" }
    }

    private func datasets(of path: String) -> [DatasetName] {
        (try? storage.locate(path)).map { Array($0.datasets) } ?? []
    }

    /// A file on the dataset that is none of the VM's images and nothing that Stillpoint keeps.
    private func firstForeignFile(in root: String, _ own: Set<String>) -> String? {
        var status = stat()
        guard lstat(root, &status) == 0 else { return nil }
        return foreignFile(in: root, device: status.st_dev, own, isRoot: true)
    }

    private func foreignFile(in folder: String, device: dev_t, _ own: Set<String>, isRoot: Bool) -> String? {
        for name in FileAccess.names(in: folder) {
            if isRoot, name == KeptDefinition.folder || name == ".zfs" { continue }
            let path = "\(folder)/\(name)"
            var status = stat()
            // Another device is a dataset mounted below, which a rollback of this one leaves alone.
            guard lstat(path, &status) == 0, status.st_dev == device else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                if let found = foreignFile(in: path, device: device, own, isRoot: false) { return found }
            } else if !own.contains(path) {
                return path
            }
        }
        return nil
    }
}
