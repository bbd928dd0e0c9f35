internal import Configuration
internal import Hypervisor
internal import RunState

/// VMs that a program of the administrator's own holds (`exec:PATH`).
extension ReleaseStage {
    /// Begins with those: only their programs know whether they were held until now, and what is said of the snapshot waits
    /// for that.
    /// - Returns: nil where there are none.
    func beginPrograms() async -> Task<Void, Never>? {
        let machines = await journal.run.machines
        let indices = machines.indices.filter { machines[$0].freezeState?.isProgram == true }
        guard !indices.isEmpty else { return nil }
        await note { $0.phase = .releasing }
        return Task { await release(indices) }
    }

    func releaseByProgram(_ index: Int, _ path: String, _ held: FreezeState) async throws {
        let run = await journal.run
        let call = ExecFreeze(
            program: ExecProgram(path: path, log: log),
            subject: ExecRequest.Subject(run, ExecRequest.Machine(run.machines[index])),
            timeout: configuration.freezeTimeout)
        do {
            let (claim, notes) = try await call.release(held) { [journal] state in
                try await journal.record(machine: index) { $0.freezeState = state }
            }
            try await journal.record(machine: index) { record in
                record.note(claim, notes, of: held)
                record.freezeState = nil
            }
        } catch {
            // An earlier release of it has said so already.
            if held.step == .held {
                await note { run in
                    run.machines[index].downgrade(to: .crash, because: .thawUnknown)
                    run.machines[index].notes.append("whether it was held until the snapshot was taken is not known")
                }
            }
            throw error
        }
    }
}

extension VMRecord {
    fileprivate mutating func note(_ claim: Consistency?, _ said: [String], of held: FreezeState) {
        frozenMilliseconds = held.millisecondsStopped ?? frozenMilliseconds
        notes += said
        guard let claim, let before = consistency, claim < before else { return }
        downgrade(to: claim, because: .thawedEarly)
        notes.append("its program says that it was not held as it should have been")
    }
}

extension FreezeState {
    /// A program holds it, or may.
    var isProgram: Bool {
        if case .exec = strategy { true } else { false }
    }
}
