internal import Engine
internal import Hypervisor
internal import RunState

/// What `stillpoint status` says; docs/json.md documents its JSON.
struct StatusReport: Sendable, Codable, Equatable {
    /// Something needs `stillpoint recover`.
    var needsRecovery = false
    /// What cannot be read, in words.
    var problems: [String] = []
    /// Those that are open, oldest first; restores and adoptions among them.
    var runs: [OpenRun] = []
    var archive: Archive
    /// Of each dataset the last run that had VMs on it, as the history has it.
    var datasets: [LastRun] = []

    /// A run that is not over.
    struct OpenRun: Sendable, Codable, Equatable {
        let run: String
        /// The program that takes the snapshots; `restore`, `adoption`.
        let manager: String
        let phase: Run.Phase
        /// When it began, in seconds since 1970.
        let time: Int64?
        let ageSeconds: Int64?
        /// The datasets that are snapshotted; of a restore those of its VM.
        let datasets: [String]
        let snapshots: [String]
        let state: RunStatus
        /// Nobody ends it.
        let needsRecovery: Bool
        /// What is to be done, or awaited.
        let advice: String
        /// The process that works on it.
        let owner: Process?
        let watchdog: WatchdogState?
        let machines: [HeldVM]
    }

    struct Process: Sendable, Codable, Equatable {
        let id: Int32
        let program: String?
    }

    /// The watchdog of a run.
    struct WatchdogState: Sendable, Codable, Equatable {
        /// Nil where it is not seen.
        let id: Int32?
        /// Until it releases the run where post-snapshot does not come; nil where it is at it.
        let actsInSeconds: Int64?
    }

    /// A VM of an open run.
    struct HeldVM: Sendable, Codable, Equatable {
        let vm: String
        let vmID: String
        let hypervisor: String
        let phase: VMRecord.Phase
        /// None: it is on its own disks, and runs.
        let heldBy: [FreezeState.Holder]
        let standingStillMilliseconds: Int64?
        let consistency: Consistency?
        let reason: ReasonCode?
    }

    /// RAM dumps on their way to cold storage.
    struct Archive: Sendable, Codable, Equatable {
        /// Dumps that are not there yet.
        var waiting = 0
        /// What they take.
        var waitingBytes: UInt64 = 0
        /// Why, of those that were tried.
        var problems: [String] = []
        /// The one that is being moved.
        var moving: Move?
    }

    struct Move: Sendable, Codable, Equatable {
        let vm: String
        let run: String
        let path: String
        let bytesDone: UInt64
        let bytes: UInt64
        /// Who moves it.
        let process: Int32
    }

    struct LastRun: Sendable, Codable, Equatable {
        let dataset: String
        let run: String
        let manager: String
        /// When it began, in seconds since 1970.
        let time: Int64?
        let ageSeconds: Int64?
        let snapshot: String?
        let outcome: HistoryEntry.Outcome
        /// How many VMs it had there.
        let machines: Int
        /// The least of theirs.
        let consistency: Consistency?
        /// How many of them got less than their first strategy is for.
        let fellBack: Int
    }
}
