internal import Hypervisor
internal import Support
internal import ZFS

/// What could go wrong in the next run and can be seen in a server's inventory, each with its fix.
struct InventoryChecks: Sendable {
    let inventory: Inventory
    let settings: HypervisorSettings
    let resolver: any DatastoreResolver
    /// The privileges that the account lacks, by VM.
    var missingPrivileges: [MoRef: [String]] = [:]

    /// All of them.
    var all: [Finding] {
        noVisibleVMs + roleProblems + unknownRules + unmappedDatastores + sharedDatasets + unreadableVMs + leftSnapshots
    }

    /// An account without rights sees an empty inventory, not an error.
    private var noVisibleVMs: [Finding] {
        guard inventory.vms.isEmpty else { return [] }
        return [
            Finding(
                .nothingVisible, "the account sees no VMs",
                fix: "assign its role at the top of the inventory, propagated to its children")
        ]
    }

    /// One line for each set of privileges, since a role lacks them on all its VMs.
    private var roleProblems: [Finding] {
        let concerned = inventory.vms.filter { missingPrivileges[$0.reference] != nil }
        let byPrivileges = Dictionary(grouping: concerned) {
            (missingPrivileges[$0.reference] ?? []).joined(separator: ", ")
        }
        return byPrivileges.sorted { $0.key < $1.key }.map { privileges, vms in
            let names = shortList(vms.map { printable($0.name) }, most: 3)
            return Finding(
                .privilegesMissing, "the account may not freeze \(names)",
                fix: "give its role the privileges \(privileges), which strategies in stillpoint.conf need")
        }
    }

    /// VMs with a disk on a dataset that is known.
    var mapped: [MoRef] {
        let datastores = DatastoreMap(inventory.datastores, rules: settings.storageRules, resolver: resolver)
        return inventory.vms.filter { vm in
            !vm.isTemplate
                && vm.devices?.disks.contains { $0.chain.contains { !datastores.datasets(of: $0).isEmpty } }
                    ?? false
        }.map(\.reference)
    }

    /// Names in the configuration that the server does not have.
    private var unknownRules: [Finding] {
        let names = Set(inventory.datastores.map(\.name))
        let extents = Set(
            inventory.datastores.flatMap { datastore -> [String] in
                guard case .vmfs(let extents) = datastore.kind else { return [] }
                return extents
            })
        return settings.storageRules.datastores.keys.filter { !names.contains($0) }.sorted().map {
            Finding(
                .mappingUnused, "the server has no datastore \(printable($0))",
                fix: "correct or remove that datastore = line")
        }
            + settings.storageRules.luns.keys.filter { !extents.contains($0) }.sorted().map {
                Finding(
                    .mappingUnused, "no datastore of the server is on the LUN \(printable($0))",
                    fix: "correct or remove that lun = line")
            }
    }

    /// Datastores that are this host's, and on no dataset that is known.
    private var unmappedDatastores: [Finding] {
        inventory.datastores.filter { datasets(of: $0).isEmpty && resolver.isLocal($0.kind) }.map {
            Finding(
                .datastoreUnmapped,
                "the datastore \(printable($0.name)) is this host's, but on no dataset that is found",
                fix: "name its dataset: datastore = \(printable($0.name))=DATASET")
        }
    }

    /// Datastores of other servers, as far as can be seen: nothing need be wrong with that, but their VMs are not taken, and a
    /// target that is not LIO is not seen to be this host's.
    static func foreign(
        _ datastores: [Datastore], _ settings: HypervisorSettings, _ resolver: any DatastoreResolver
    ) -> [Finding] {
        datastores.compactMap { datastore in
            guard DatastoreMap.datasets(of: datastore, settings.storageRules, resolver).isEmpty,
                !resolver.isLocal(datastore.kind)
            else { return nil }
            let name = printable(datastore.name)
            let way: String
            switch datastore.kind {
            case .nfs(let hosts, let path):
                let server = hosts.map { printable($0) }.joined(separator: ", ")
                way = "is \(printable(path, limit: 300)) of \(server), which is not this host"
            case .vmfs(let extents):
                let luns = extents.map { printable($0) }.joined(separator: ", ")
                way = "is on \(luns), which is no LUN of this host's LIO target"
            case .other: return nil
            }
            return Finding(
                .datastoreForeign,
                "the datastore \(name) \(way): its VMs are not frozen; if it is on this host after all, name its "
                    + "dataset: datastore = \(name)=DATASET")
        }
    }

    /// Datasets behind several datastores: no harm, but seldom meant.
    private var sharedDatasets: [Finding] {
        var names: [DatasetName: [String]] = [:]
        for datastore in inventory.datastores {
            for dataset in datasets(of: datastore) { names[dataset, default: []].append(printable(datastore.name)) }
        }
        return names.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map {
            Finding(
                .datasetShared,
                "the datastores \($0.value.sorted().joined(separator: ", ")) are all on \($0.key): each VM there gets one "
                    + "snapshot",
                fix: "give each datastore a dataset of its own, or correct its datastore = or lun = line")
        }
    }

    /// VMs whose disks cannot be read.
    private var unreadableVMs: [Finding] {
        inventory.vms.filter { $0.devices == nil }.map {
            Finding(
                .disksUnreadable, "the disks of \(printable($0.name)) cannot be read (\($0.connection))",
                fix: "check the VM, and that the account's role reaches it")
        }
    }

    /// Snapshots that some run left, or that belong to an open run.
    private var leftSnapshots: [Finding] {
        inventory.vms.flatMap { vm in
            vm.ownSnapshots.map {
                Finding(
                    .serverSnapshotLeft, "\(printable(vm.name)) has the snapshot \"\(printable($0))\"",
                    fix:
                        "if stillpoint recover --dry-run does not list that run, remove the snapshot in the vSphere client"
                )
            }
        }
    }

    private func datasets(of datastore: Datastore) -> [DatasetName] {
        DatastoreMap.datasets(of: datastore, settings.storageRules, resolver)
    }
}
