internal import Hypervisor
internal import RunState

/// Thaws guests whose thaw is pending, before anything that can wait: zfs, a disk, the journal, another VM.
///
/// A guest agent that was slow still freezes when it comes to the request, and a hook that was killed thaws nobody. To
/// thaw a guest that is not frozen does nothing, so several processes may do it at the same time.
struct PendingThaws: Sendable {
    let hypervisors: Hypervisors

    /// Asks each such guest once, all at the same time.
    /// - Returns: those that confirmed it.
    func ask(_ machines: [VMRecord]) async -> Set<VMKey> {
        await withTaskGroup(of: VMKey?.self) { group in
            for machine in machines where machine.freezeState?.isThawPending == true {
                group.addTask { await isThawed(machine) ? machine.key : nil }
            }
            return await group.reduce(into: []) { thawed, key in _ = key.map { thawed.insert($0) } }
        }
    }

    private func isThawed(_ machine: VMRecord) async -> Bool {
        do {
            _ = try await hypervisors.named(machine.hypervisor).thaw(id: machine.id)
            return true
        } catch {
            return false
        }
    }
}

extension Run {
    /// Notes of these VMs that they are not frozen any more; one that holds nothing else is released.
    mutating func note(thawed keys: Set<VMKey>) {
        for index in machines.indices where keys.contains(machines[index].key) {
            machines[index].freezeState?.isThawPending = false
            if machines[index].freezeState?.isEmpty == true { machines[index].freezeState = nil }
        }
    }
}

extension FreezeState {
    /// Nothing is left to undo but, perhaps, a thaw.
    fileprivate var isEmpty: Bool { disks.isEmpty && ramDump == nil && reference == nil && !isPausedForCommit }
}
