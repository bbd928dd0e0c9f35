internal import DiskLocation
internal import Hypervisor
internal import RunState
internal import Support
internal import ZFS

/// Removes from datasets what earlier runs saved of VMs that are not there any more.
extension DefinitionSaver {
    /// VMs that are asked for at a time: the rest is a later run's.
    private static let mostAtOnce = 16
    /// The guests wait for it.
    private static let limit = Duration.seconds(2)

    /// Only where every hypervisor says that a VM is gone, or has no disk on the dataset. A VM may be left out of the
    /// plan for another reason: its hypervisor did not answer, its strategy is `ignore`.
    /// - Parameter deadline: when the manager stops waiting.
    func removeStale(_ plan: [PlannedVM], before deadline: ContinuousClock.Instant? = nil) async {
        guard !hypervisors.isEmpty else { return }
        let present = Set(plan.map { SavedDefinition.folderName(of: $0.machine.id) })
        var asked = 0
        let end = min(.now + Self.limit, deadline.map { $0 - .seconds(1) } ?? .now + Self.limit)
        for dataset in Set(plan.flatMap(\.datasets)).sorted() {
            guard let root = (try? storage.mountTable.folder(of: dataset)) ?? nil,
                let folder = try? root.folder(SavedDefinition.folder), folder.isOwn
            else { continue }
            for name in folder.names.shuffled() where !present.contains(name) {
                // Only what is seen to be ours.
                guard let machine = try? folder.folder(name), machine.has("machine.json") else { continue }
                asked += 1
                guard asked <= Self.mostAtOnce, .now < end else { return }
                if await isAbsent(percentDecoded(name[...]), from: dataset, before: end) { folder.remove(name) }
            }
        }
    }

    private func isAbsent(
        _ id: String, from dataset: DatasetName, before end: ContinuousClock.Instant
    ) async -> Bool {
        for hypervisor in hypervisors {
            let answer = await withDeadline(end) {
                do {
                    return Result<VirtualMachine?, any Error>.success(try await hypervisor.virtualMachine(id: id))
                } catch {
                    return .failure(error)
                }
            }
            guard case .success(let machine) = answer else { return false }
            if let machine, mayBeOn(dataset, machine) { return false }
        }
        return true
    }

    /// A disk of which it is not known where it is may be there.
    private func mayBeOn(_ dataset: DatasetName, _ machine: VirtualMachine) -> Bool {
        machine.disks.contains { disk in
            if let places = disk.datasets { return places.contains { $0.contains(dataset) } }
            return disk.chain.contains { path in
                guard let place = try? storage.locate(path) else { return true }
                return place.datasets.contains(dataset)
            }
        }
    }
}
