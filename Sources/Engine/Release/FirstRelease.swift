internal import Glibc
internal import Hypervisor
internal import RunState

/// Thaws guests whose thaw is pending and resumes those that are paused, before anything that can wait: zfs, a disk, the
/// journal, another VM.
///
/// A guest agent that was slow still freezes when it comes to the request, and a hook that was killed thaws nobody. To
/// thaw a guest that is not frozen does nothing, so several processes may do it at the same time.
struct FirstRelease: Sendable {
    /// What a VM answered.
    enum Answer: Sendable, Equatable {
        /// So many file systems were thawed.
        case thawed(Int)
        case resumed
    }

    let hypervisors: Hypervisors

    /// Asks each such guest once, all at the same time.
    /// - Returns: those that confirmed it.
    func ask(_ machines: [VMRecord]) async -> [VMKey: Answer] {
        await withTaskGroup(of: (VMKey, Answer)?.self) { group in
            for machine in machines where machine.freezeState?.mayStandStill == true {
                group.addTask { await answer(of: machine).map { (machine.key, $0) } }
            }
            return await group.reduce(into: [:]) { answers, one in one.map { answers[$0.0] = $0.1 } }
        }
    }

    private func answer(of machine: VMRecord) async -> Answer? {
        guard let hypervisor = try? await hypervisors.named(machine.hypervisor) else { return nil }
        if machine.freezeState?.strategy == .pause {
            guard let pausing = hypervisor as? any ProcessorPausing else { return nil }
            return (try? await pausing.resume(id: machine.id)).map { .resumed }
        }
        return (try? await hypervisor.thaw(id: machine.id)).map { .thawed($0) }
    }
}

extension Run {
    /// Notes what these VMs answered; one that holds nothing else is released.
    mutating func note(_ answers: [VMKey: FirstRelease.Answer]) {
        for index in machines.indices { answers[machines[index].key].map { machines[index].note($0) } }
    }
}

extension VMRecord {
    mutating func note(_ answer: FirstRelease.Answer) {
        guard let state = freezeState else { return }
        let stopped = state.millisecondsStopped
        switch answer {
        case .resumed:
            pausedMilliseconds = stopped
            freezeState = nil
        case .thawed(let count):
            if state.strategy == .freeze { noteThaw(of: count, after: stopped) }
            freezeState?.isThawPending = false
            if freezeState?.isEmpty == true { freezeState = nil }
        }
    }

    /// A guest that thaws less than it froze was not frozen all the while: VSS lets go after 10 s, a program in the guest may
    /// thaw it, or it was started anew.
    private mutating func noteThaw(of count: Int, after stopped: Int64?) {
        guard let frozen = freezeState?.frozenFileSystems else { return }
        guard count < frozen else {
            frozenMilliseconds = stopped
            return
        }
        // For how long it was frozen nobody knows.
        frozenMilliseconds = nil
        downgrade(to: .crash, because: .thawedEarly)
        notes.append(
            count == 0
                ? "the guest had thawed before it was told to (by itself, by the watchdog after freeze_limit), or was gone (moved to "
                    + "another host, it may be frozen there)"
                : "the guest thawed \(count) of \(frozen) file systems, so the others had thawed before it was told to")
    }
}

extension FreezeState {
    /// Its guest may be frozen or paused, or may come to be.
    var mayStandStill: Bool { isThawPending || strategy == .pause }

    /// For how long its guest has stood still until now, on the host's clock; nil where that was not seen.
    var millisecondsStopped: Int64? { stoppedAt.map { max(0, unixMilliseconds() - $0) } }

    /// Nothing is left to undo but, perhaps, a thaw.
    fileprivate var isEmpty: Bool {
        disks.isEmpty && ramDump == nil && reference == nil && !isPausedForCommit
            && (strategy == nil || strategy == .freeze)
    }
}

/// Now, on the clock of the host, in milliseconds since 1970.
func unixMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
}
