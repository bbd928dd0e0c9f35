internal import Hypervisor
internal import ZFS

/// What became of the VMs in the runs of some days, summed up for a page.
struct HistoryReport: Sendable {
    /// When it was made, in seconds since 1970.
    let now: Int64
    let host: String
    /// The first day and the last.
    let days: ClosedRange<CalendarDay>
    /// Of which dataset, with those below it; nil: of all.
    let dataset: DatasetName?
    /// By name.
    let machines: [ReportedVM]
    /// The end of the 24 hours that count as the last night: now, or the last run where that is older.
    let lastNightEnd: Int64
    let runCount: Int
    /// Runs that failed, that could not be ended, or that are open now; the newest first.
    let troubles: [RunTrouble]
    /// The most frequent of the last 30 days first.
    let reasons: [ReasonTally]
    /// Of each of `days`.
    let frozen: [WindowTally]
    let paused: [WindowTally]
    let datasets: [DatasetTally]
    /// Whether zfs told of evidence.
    var evidence = EvidenceSource.notAsked

    enum EvidenceSource: Sendable, Equatable {
        case notAsked, none, found
    }

    /// The VMs with a run in the seven days before `lastNightEnd`.
    var present: [ReportedVM] { machines.filter { $0.lastRun > lastNightEnd - 7 * 86400 } }
    /// Those that got less than in the two weeks before.
    var worsened: [ReportedVM] { present.filter(\.hasWorsened) }
    /// Those that got less than they were to get, as usual, or where nobody knows what is usual.
    var lacking: [ReportedVM] { present.filter(\.isLacking) }
    /// Whether what is usual of each of them is known.
    var isLackingUsual: Bool { lacking.allSatisfy { $0.usual.worst != .none } }
    /// Of the last week.
    var recentTroubles: [RunTrouble] { troubles.filter { $0.time > now - 7 * 86400 || $0.kind.isOpen } }
}

/// One VM of a report.
struct ReportedVM: Sendable {
    var name: String
    let hypervisor: String
    let id: String
    /// Of its last run.
    var datasets: [DatasetName]
    /// One for each day of the report.
    var cells: [DayCell]
    /// When its last run began, in seconds since 1970.
    var lastRun: Int64 = 0
    /// The longest time its file systems stood still, in milliseconds, and when.
    var longestFrozen: (milliseconds: Int64, time: Int64)?
    /// What it got in the last night's runs; `.none` where it had none.
    var lastNight = DayCell()
    /// What it got on most days of the two weeks before.
    var usual = DayCell()
    /// Of that run of the last night in which it got the least.
    var lowest: RunOfVM?

    /// Whether it got less in the last night than it usually does, of its best snapshot or of its worst.
    var hasWorsened: Bool {
        guard lastNight.worst != .none, usual.worst != .none else { return false }
        return lastNight.best < usual.best || lastNight.worst < usual.worst
    }
}

extension ReportedVM {
    /// Whether it got less than it was to get in the last night, but no less than usual.
    var isLacking: Bool {
        !hasWorsened && lastNight.worst != .none && (!lastNight.worst.isWell || lowest?.reason != nil)
    }
}

/// One VM in one run.
struct RunOfVM: Sendable {
    let time: Int64
    let grade: Grade
    let evidence: Evidence
    let reason: ReasonCode?
    let note: String?
}

/// A run that did not do what it was to do.
struct RunTrouble: Sendable {
    enum Kind: Sendable, Equatable {
        case undone, untaken
        /// Its last line in the history says that something was left.
        case left
        /// There is a state file of it now.
        case open

        var isOpen: Bool { self == .open }
    }

    let run: String
    let time: Int64
    let kind: Kind
    let manager: String
    var datasets: [DatasetName]
    var machineCount: Int
    /// What was said of one of its VMs.
    var note: String?
}

/// How often VMs got less than they were to get for one reason.
struct ReasonTally: Sendable {
    /// Nil: none was recorded.
    let reason: ReasonCode?
    /// Times, of each day of the report.
    var byDay: [UInt32]
    /// The VMs' indices in the order in which they were met.
    var machines: Set<Int> = []

    func count(last days: Int) -> Int { byDay.suffix(days).reduce(0) { $0 + Int($1) } }
}

/// For how long guests stood still on one day, in milliseconds.
struct WindowTally: Sendable, Equatable {
    var count = 0
    var median: Int64 = 0
    /// Nineteen of twenty were no longer.
    var nearlyAll: Int64 = 0
    var longest: Int64 = 0

    init(_ windows: [Int64] = []) {
        guard !windows.isEmpty else { return }
        let sorted = windows.sorted()
        count = sorted.count
        median = sorted[(count - 1) / 2]
        nearlyAll = sorted[(count * 19 + 19) / 20 - 1]
        longest = sorted[count - 1]
    }
}

/// What a report knows of one dataset.
struct DatasetTally: Sendable {
    let name: DatasetName
    var machines: Set<Int> = []
    var runs = 0
    /// Of the last run, in seconds since 1970.
    var lastRun: Int64 = 0
    var lastCell = DayCell()
}
