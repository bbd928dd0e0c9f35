internal import Hypervisor
internal import RunState

/// What `stillpoint explain` says; docs/json.md documents its JSON.
struct ExplainReport: Sendable, Codable, Equatable {
    /// What a code means, where one was asked about.
    var code: Code?
    /// The VMs of that name or id; of several of one name each.
    var machines: [Machine] = []

    /// A finding's or a reason's code.
    struct Code: Sendable, Codable, Equatable {
        let code: String
        let title: String
        /// Of a finding.
        let severity: FindingSeverity?
        /// Of a finding: why it matters.
        let why: String?
        /// Of a reason: what to do.
        let remedy: String?
    }

    struct Machine: Sendable, Codable, Equatable {
        let vm: String
        let vmID: String
        let hypervisor: String
        /// Newest first.
        var runs: [PastRun] = []
        var lastDays: Summary
        /// The run that is open now.
        var openRun: OpenRun?
    }

    /// What it got in one run.
    struct PastRun: Sendable, Codable, Equatable {
        let run: String
        /// When it began, in seconds since 1970.
        let time: Int64?
        let ageSeconds: Int64?
        let manager: String
        let outcome: HistoryEntry.Outcome
        /// Those that hold its disks, as `DATASET@NAME`; without a name where none was announced.
        let snapshots: [String]
        let consistency: Consistency?
        let strategy: Strategy?
        let reason: ReasonCode?
        let frozenMilliseconds: Int64?
        let pausedMilliseconds: Int64?
        let overlayBytes: UInt64?
        /// The fallbacks with their reasons, and what else an administrator should know.
        let notes: [String]
    }

    /// What it got in the last days.
    struct Summary: Sendable, Codable, Equatable {
        let days: Int
        let runs: Int
        /// Most first.
        let consistencies: [Share]
        let reasons: [Share]

        struct Share: Sendable, Codable, Equatable {
            let word: String
            let runs: Int
        }
    }

    struct OpenRun: Sendable, Codable, Equatable {
        let run: String
        /// When it began, in seconds since 1970.
        let time: Int64?
        let phase: Run.Phase
        let machine: StatusReport.HeldVM
        /// Why the strategies before did not do.
        let notes: [String]
    }
}
