package import DiskLocation
internal import Glibc
package import Hypervisor
internal import RunState
internal import Support
internal import SystemPackage
package import ZFS

/// Whether a VM is alone on its datasets, so that they can be rolled back for it.
package struct DatasetUsers: Sendable {
    /// Entries that are read before a dataset is taken for one with more on it than a VM's images.
    private static let mostEntries = 100_000

    package let storage: StorageMap

    package init(storage: StorageMap) {
        self.storage = storage
    }

    /// Who or what else uses the datasets, in words; empty when nobody does.
    /// - Parameter others: every VM but the one in question.
    package func others(on datasets: [DatasetName], than images: [String], _ others: [VirtualMachine]) -> [String] {
        let machines = machines(on: datasets, others)
        if !machines.isEmpty { return machines }
        let own = Set(images.compactMap { try? storage.locate($0).resolvedPath })
        for dataset in datasets {
            guard let point = storage.mountTable.mountPoints(of: dataset).first else { continue }
            var left = Self.mostEntries
            let folder: Folder?
            do {
                folder = try storage.mountTable.folder(of: dataset)
            } catch {
                return ["what is at \(printable(point, limit: 300)) (\(error))"]
            }
            if let file = folder.flatMap({ foreignFile(in: $0, point, level: 0, own, &left) }) {
                return ["the file \(printable(file, limit: 300))"]
            }
        }
        return []
    }

    /// The VMs with a disk on one of the datasets, in words.
    package func machines(on datasets: [DatasetName], _ machines: [VirtualMachine]) -> [String] {
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

    /// A file on the dataset that is none of the VM's images and nothing that Stillpoint keeps; a folder that cannot be
    /// read is one.
    private func foreignFile(
        in folder: Folder, _ path: String, level: Int, _ own: Set<String>, _ left: inout Int
    ) -> String? {
        let names = folder.names
        guard level < Folder.deepestLevel, names.count < Folder.mostEntries else { return path }
        for name in names {
            if level == 0, name == SavedDefinition.folder || name == ".zfs" { continue }
            guard left > 0 else { return path }
            left -= 1
            let path = "\(path)/\(name)"
            guard folder.kind(of: name) == S_IFDIR else {
                if own.contains(path) { continue }
                return path
            }
            do {
                if let found = foreignFile(in: try folder.folder(name), path, level: level + 1, own, &left) {
                    return found
                }
            } catch Errno.improperLink {
                // A dataset mounted below, which a rollback of this one does not touch.
                continue
            } catch {
                return path
            }
        }
        return nil
    }
}
