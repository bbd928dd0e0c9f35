internal import Hypervisor
internal import Storage

/// Thaws guests that came to a freeze after pre-snapshot had stopped waiting for them.
///
/// A guest agent that was slow still freezes when it comes to the request, and post-snapshot, which would thaw it, may
/// never be called. So the guard that pre leaves behind asks until each such guest confirms a thaw.
/// To thaw a guest that is not frozen does nothing, so post may do the same at the same time.
struct LateThaw: Sendable {
    let run: Run
    let hypervisors: Hypervisors

    /// Asks each such guest once; gives those that confirmed it.
    func tryOnce() async -> [MachineKey] {
        var thawed: [MachineKey] = []
        for machine in run.machines where machine.owesOnlyThaw {
            if await thaw(machine) { thawed.append(machine.key) }
        }
        return thawed
    }

    private func thaw(_ machine: MachineRecord) async -> Bool {
        guard let hold = machine.hold, let hypervisor = try? await hypervisors.named(machine.hypervisor) else {
            return false
        }
        // Only the thaw: the disks, and what the journal says of them, are post's.
        let debt = Hold(step: .released, snapshot: hold.snapshot, disks: [], owesThaw: true)
        do {
            try await hypervisor.release(ReleaseRequest(machineID: machine.id, hold: debt)) { _ in }
            return true
        } catch {
            return false
        }
    }
}

extension MachineRecord {
    /// No disk was moved, but the guest may be frozen, or freeze when its agent comes to it.
    var owesOnlyThaw: Bool { hold.map { $0.owesThaw && $0.disks.isEmpty } ?? false }
}
