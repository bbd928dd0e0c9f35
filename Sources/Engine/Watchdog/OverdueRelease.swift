internal import Configuration
internal import Glibc
internal import Hypervisor
internal import Logging
internal import RunState
internal import Support

/// Thaws and resumes guests in place of whoever should have. One that does not answer keeps neither the watchdog nor another
/// guest from it.
actor OverdueRelease {
    private let run: RunID
    private let configuration: Configuration
    private let context: ProgramContext
    /// Asked, and yet to answer. None is asked twice at a time: the second answer would be that nothing was frozen.
    private var asked: Set<VMKey> = []
    /// Yet to be noted, since another process had the run; with what the guest was asked for.
    private var answers: [VMKey: (answer: FirstRelease.Answer, of: FreezeState?, early: EarlyRelease?)] = [:]

    init(run: RunID, configuration: Configuration, context: ProgramContext) {
        self.run = run
        self.configuration = configuration
        self.context = context
    }

    /// Asks each, all at the same time; waits for the answers, but no longer than a second.
    /// - Parameter reason: why they are released before the snapshot, where they are.
    func ask(_ machines: [VMRecord], because reason: String? = nil) async {
        noteAnswers()
        if let reason { callPrograms(of: machines.filter { $0.freezeState?.isProgram == true }, because: reason) }
        let new = machines.filter { $0.freezeState?.isProgram != true && asked.insert($0.key).inserted }
        guard !new.isEmpty else { return }
        let early = reason.map { EarlyRelease(began: Int64(time(nil)), reason: $0) }
        _ = await withDeadline(.now + .seconds(1)) { await self.askAll(new, early) }
    }

    /// Not awaited: they may take their time, and other guests stand still meanwhile. While they are at it the run is theirs.
    private func callPrograms(of machines: [VMRecord], because reason: String) {
        let directory = StateDirectory(configuration.stateDirectory)
        guard !machines.isEmpty, let lock = try? directory.lock(run: run, waiting: false),
            let now = try? directory.read(run)
        else { return }
        let journal = Journal(now, in: directory, lock: lock)
        let ending = RunCompletion(context: context, configuration: configuration, configurationPath: nil)
        Task {
            await ending.release(Set(machines.map(\.key)), because: reason, journal)
            // Where it failed it is not called again at once.
            let isHeld = await journal.run.machines.contains {
                $0.freezeState?.isProgram == true && $0.freezeState?.step == .releasing
            }
            if isHeld { try? await Task.sleep(for: .seconds(1)) }
            withExtendedLifetime(journal) {}
        }
    }

    private func askAll(_ machines: [VMRecord], _ early: EarlyRelease?) async {
        let hypervisors = Hypervisors(configuration, context)
        await withTaskGroup(of: Void.self) { group in
            for machine in machines {
                group.addTask {
                    let answers = await FirstRelease(hypervisors: hypervisors).ask([machine])
                    await self.take(answers[machine.key], of: machine, early)
                }
            }
        }
        await hypervisors.close()
    }

    private func take(_ answer: FirstRelease.Answer?, of machine: VMRecord, _ early: EarlyRelease?) {
        asked.remove(machine.key)
        guard let answer else { return }
        if let early {
            context.log.warning("the run \(run): \(printable(machine.name)) runs again, since \(early.reason)")
        }
        // The first one tells whether it was frozen until then.
        if answers[machine.key]?.of != machine.freezeState {
            answers[machine.key] = (answer, machine.freezeState, early)
        }
        noteAnswers()
    }

    /// Where another process works on the run, it finds out by asking the guests itself. What it has made of a VM since is left.
    private func noteAnswers() {
        let directory = StateDirectory(configuration.stateDirectory)
        guard !answers.isEmpty else { return }
        guard let lock = try? directory.lock(run: run, waiting: false) else {
            // A guest that was not seen to be frozen may come to be yet.
            answers = answers.filter { $0.value.of?.standsStill == true }
            return
        }
        lock.withLock {
            guard directory.isOpen(run), var now = try? directory.read(run) else { return }
            for index in now.machines.indices {
                let machine = now.machines[index]
                guard let known = answers[machine.key], known.of == machine.freezeState else { continue }
                now.machines[index].note(known.answer)
                if machine.earlyRelease == nil { now.machines[index].earlyRelease = known.early }
            }
            guard (try? directory.write(now)) != nil else { return }
            answers = [:]
        }
    }
}
