internal import Hypervisor
internal import Logging

/// Sets every held VM of a run going on its own disks, all at once but no more than `maxParallel`.
struct Releasing: Sendable {
    private static let attempts = 3

    let journal: Journal
    let hypervisors: Hypervisors
    let maxParallel: Int
    let log: Logger

    /// Releases; whether nothing of the run is held any more.
    func run() async throws -> Bool {
        await journal.allowLostWrites()
        try await journal.record { $0.phase = .releasing }
        let machines = await journal.run.machines
        try await inParallel(machines.indices, limit: maxParallel) { index in
            await release(index)
        }
        let isDone = await journal.run.machines.allSatisfy { $0.hold == nil }
        if isDone {
            try await journal.record { $0.phase = .released }
        }
        if let problem = await journal.lostWrite { log.error("\(problem)") }
        return isDone
    }

    private func release(_ index: Int) async {
        let record = await journal.run.machines[index]
        guard record.hold != nil else { return }
        do {
            try await journal.record(machine: index) { $0.phase = .releasing }
            try await tryRepeatedly(index, record)
            try await journal.record(machine: index) { $0.phase = .released }
        } catch {
            log.error("\(record.name): not released: \(error)")
            try? await journal.record(machine: index) { $0.phase = .failed }
        }
    }

    private func tryRepeatedly(_ index: Int, _ record: MachineRecord) async throws {
        let hypervisor = try await hypervisors.named(record.hypervisor)
        var attempt = 1
        while let hold = await journal.run.machines[index].hold {
            do {
                try await hypervisor.release(ReleaseRequest(machineID: record.id, hold: hold)) { [journal] hold in
                    try await journal.record(machine: index) { $0.hold = hold }
                }
                guard await journal.run.machines[index].hold == nil else {
                    throw HypervisorError(
                        .changed, "its hypervisor's back end does not say that nothing is held any more", remedy: .stop)
                }
            } catch let error as HypervisorError where error.remedy == .retry && attempt < Self.attempts {
                log.warning("\(record.name): \(error); trying again")
                try await Task.sleep(for: .milliseconds(500 * attempt))
                attempt += 1
            }
        }
    }
}
