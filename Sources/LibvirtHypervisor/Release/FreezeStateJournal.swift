internal import Hypervisor

/// The freeze state of one VM while several of its disks are worked on at once: the changes are recorded one after another.
///
/// One record at a time, and always of the newest freeze state, so that an older copy never comes last. Changes that come in
/// while one is under way are recorded together.
actor FreezeStateJournal {
    private let record: RecordFreezeState
    /// With all changes, recorded or not.
    private(set) var freezeState: FreezeState
    private var newest = 0
    private var durable = 0
    private var recording: Task<Void, any Error>?

    init(_ freezeState: FreezeState, _ record: @escaping RecordFreezeState) {
        self.freezeState = freezeState
        self.record = record
    }

    func disk(_ overlay: String) -> OverlayDisk? { freezeState.disks.first { $0.overlay == overlay } }

    /// Changes the freeze state and returns when that, or something newer, is recorded.
    func change(_ body: @Sendable (inout FreezeState) -> Void) async throws {
        note(body)
        try await flush()
    }

    /// Changes the freeze state; it is recorded with the next change.
    func note(_ body: @Sendable (inout FreezeState) -> Void) {
        body(&freezeState)
        newest += 1
    }

    /// Returns when all that was changed until now is recorded.
    func flush() async throws {
        let mine = newest
        while durable < mine { try await recordOnce() }
    }

    private func recordOnce() async throws {
        if let recording {
            _ = await recording.result
            return
        }
        let (version, now, record) = (newest, freezeState, record)
        let task = Task {
            // In here, so that whoever waits for the task finds the outcome when it ends.
            defer { recording = nil }
            try await record(now)
            durable = max(durable, version)
        }
        recording = task
        try await task.value
    }
}

extension FreezeStateJournal {
    /// Makes it durable how far a disk has come; nothing where that is known already.
    func reach(_ progress: OverlayDisk.Progress, _ disk: OverlayDisk) async throws {
        if self.disk(disk.overlay)?.progress != progress { note { $0.set(progress, of: disk.overlay) } }
        try await flush()
    }

    /// Whether its disk may have gone back to its base.
    func mayHavePivoted(_ disk: OverlayDisk) -> Bool { self.disk(disk.overlay)?.progress?.allowsPivot == true }
}

extension OverlayDisk.Progress {
    /// Whether the disk may have gone back to its base without being seen there.
    var allowsPivot: Bool {
        switch self {
        case .pivotRequested, .undecided: true
        case .committing, .committed: false
        }
    }
}

extension FreezeState {
    /// Sets how far the disk with that overlay has come.
    mutating func set(_ progress: OverlayDisk.Progress, of overlay: String) {
        change(overlay) { disk in
            disk.progress = progress
            // The guest writes to it now.
            if progress == .committed { disk.baseAtRest = nil }
        }
    }

    /// Changes the record of the disk with that overlay.
    mutating func change(_ overlay: String, _ body: (inout OverlayDisk) -> Void) {
        guard let index = disks.firstIndex(where: { $0.overlay == overlay }) else { return }
        body(&disks[index])
    }
}
