internal import Hypervisor
internal import Storage

/// Thaws guests that came to a freeze after pre-snapshot had stopped waiting for them.
///
/// A guest agent that was slow still freezes when it comes to the request, and post-snapshot, which would thaw it, may
/// never be called. So pre leaves this behind: a process of its own that asks until each such guest confirms a thaw.
/// To thaw a guest that is not frozen does nothing, so post may do the same at the same time.
struct LateThaw: Sendable {
    /// Names the run; set for the process that is left behind.
    static let variable = "STILLPOINT_LATE_THAW"
    /// An agent that has not come to it by then is not there any more.
    private static let patience = Duration.seconds(600)

    let run: String
    let configuration: Configuration
    let hypervisors: Hypervisors

    /// Asks every second until nobody owes a thaw, or the run is over.
    func run() async {
        let directory = StateDirectory(configuration.stateDirectory)
        let end = ContinuousClock.now + Self.patience
        var thawed: Set<String> = []
        while .now < end, let run = try? directory.read(run) {
            let owing = run.machines.filter { $0.hold?.owesThaw == true && !thawed.contains($0.id) }
            guard !owing.isEmpty else { return }
            for machine in owing where await thaw(machine) { thawed.insert(machine.id) }
            try? await Task.sleep(for: .seconds(1))
        }
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

    /// Starts `executable` again as that process.
    static func leaveBehind(_ run: String, executable: String, _ environment: [String: String]) throws {
        try Detached.start(
            executable, ["stillpoint-late-thaw"], environment.merging([variable: run]) { $1 })
    }
}
