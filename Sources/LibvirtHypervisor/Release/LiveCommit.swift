internal import Hypervisor
internal import Support

/// Brings one disk of a domain that runs, or is paused, off its overlay: by an active commit and a pivot, or where
/// somebody's image lies above the overlay, by a commit in the middle of the chain.
///
/// It reads the disk's state, does the next step, and waits for an event; so it continues from whatever a killed
/// release left.
struct LiveCommit: Sendable {
    enum Outcome: Sendable {
        case done
        /// The guest writes faster than the commit can follow.
        case behind
        /// It has caught up, but may not pivot, since the commit of another disk of the domain has not begun.
        case gated
        /// QEMU has no job any more and libvirt shows the overlay still: a libvirtd that was killed in the middle of the
        /// pivot does not know that it is done.
        case unseen
    }

    /// libvirt shows an ended job for a moment.
    private static let longestMoment = Duration.seconds(10)

    let domain: Domain
    let machineID: String
    let disk: OverlayDisk
    /// The guest's name for it now.
    let target: String
    /// What there is to do, as it was seen just now; nil: the disk is read.
    let firstStep: CommitStep?
    let events: BlockJobEvents
    let journal: FreezeStateJournal
    let gate: CommitGate
    let store: any OverlayStore

    /// - Throws: also where another commit may have to wait for this one's beginning no longer.
    func run(within limit: Duration) async throws -> Outcome {
        do {
            return try await follow(limit)
        } catch let error as HypervisorError where error.code == .timedOut {
            // It may begin still, so nobody may pivot before it.
            gate.shut()
            throw error
        } catch {
            gate.arrive(disk.overlay)
            throw error
        }
    }

    private func follow(_ limit: Duration) async throws -> Outcome {
        let end = ContinuousClock.now + limit
        let job = BlockJobEvents.Job(domain: machineID, disk: target)
        let stream = events.events(of: job)
        defer { events.forget(job) }
        // For a job that came to its state before anyone listened, and to keep the time.
        let ticker = Task { [events] in
            while !Task.isCancelled {
                events.wake(job)
                let left = ContinuousClock.now.duration(to: end)
                try await Task.sleep(for: left > .zero ? min(.seconds(2), left) : .seconds(2))
            }
        }
        defer { ticker.cancel() }
        var known = firstStep
        var hasNoJobSince: ContinuousClock.Instant?
        var hasBegun = false
        var isCompleted = false
        for await status in stream {
            if status == .failed || status == .cancelled {
                throw try await call("reading the base of") { [disk, target, store] in
                    HypervisorError(
                        .callFailed, store.smallBaseReason(of: disk) ?? "the commit of \(target) failed or was ended",
                        remedy: .retry)
                }
            }
            let isRequested = await journal.mayHavePivoted(disk)
            if status == .completed, isRequested { return await finish() }
            let step = if let known { known } else { try await next() }
            known = nil
            if step.hasBegun { gate.arrive(disk.overlay) }
            // Somebody else may have asked our commit to pivot.
            isCompleted = isCompleted || hasBegun && status == .completed
            hasBegun = hasBegun || step == .wait || step == .pivot
            if step == .done { return isRequested || isCompleted ? await finish() : .done }
            if step == .wait, isRequested, try await hasNoJob() {
                hasNoJobSince = hasNoJobSince ?? .now
            } else {
                hasNoJobSince = nil
            }
            if let since = hasNoJobSince, since.duration(to: .now) > Self.longestMoment { return .unseen }
            let isLate = ContinuousClock.now >= end
            if step == .pivot, !gate.isOpen {
                if isLate || gate.isShut { return .gated }
                continue
            }
            switch try await isLate ? step : take(step) {
            case nil: return .unseen
            case let left? where isLate:
                guard try await !isHeldUp(left) else {
                    throw HypervisorError(
                        .timedOut, "somebody else's block job on \(target) did not end within \(limit.text)",
                        remedy: .retry)
                }
                return .behind
            default: continue
            }
        }
        throw CancellationError()
    }

    /// It is on its base; what it had written to the overlay is there too. Recorded with what comes next.
    private func finish() async -> Outcome {
        await journal.note { [disk] in $0.set(.committed, of: disk.overlay) }
        return .done
    }

    private func next() async throws -> CommitStep {
        try await call("reading the state of") {
            let uses = try domain.description().chains
            // What a domain that is off starts from next time shows no pivot.
            guard try domain.state().isActive else {
                throw HypervisorError(.changed, "it was shut off while \(target) was committed", remedy: .retry)
            }
            let step = CommitStep.next(for: disk, in: uses)
            if case .refuse(let reason) = step { throw disk.doubt(reason) }
            return step
        }
    }

    /// Whether somebody else's job keeps this commit from its next step: for a backup or a blockpull, which the XML does
    /// not show, the guest is not paused.
    private func isHeldUp(_ step: CommitStep) async throws -> Bool {
        switch step {
        case .waitForOther: true
        case .startActiveCommit, .startCommitBelow: try await !hasNoJob()
        case .done, .pivot, .wait, .refuse: false
        }
    }

    private func hasNoJob() async throws -> Bool {
        try await call("reading the block job of") { try domain.blockJob(disk: target) == nil }
    }

    /// - Returns: what there is to wait for; nil: a pivot has ended that nobody saw.
    private func take(_ step: CommitStep) async throws -> CommitStep? {
        switch step {
        case .startActiveCommit:
            let started = try await start(.startActiveCommit, while: .committing) {
                try domain.startActiveCommit(disk: target)
            }
            if started == .wait {
                gate.arrive(disk.overlay)
                // QEMU takes the overlay for the disk's top, so it had not gone back to its base.
                try await journal.reach(.committing, disk)
            }
            return started
        case .startCommitBelow:
            // It pivots on its own when it is done, so it starts after all others.
            gate.arrive(disk.overlay)
            guard gate.isOpen else { return .waitForOther }
            return try await start(.startCommitBelow, while: .undecided) {
                try domain.startCommit(disk: target, of: disk.overlay, into: disk.base)
            }
        case .pivot:
            try await journal.reach(.pivotRequested, disk)
            try await call("pivoting") { try domain.startPivot(disk: target) }
            return .wait
        case .done, .wait, .waitForOther, .refuse:
            return step
        }
    }

    /// Two jobs on a disk libvirt refuses, and a job that only reads, like a blockpull, its XML does not show.
    /// - Parameter progress: what the disk has come to when the commit has begun.
    /// - Returns: what there is to wait for; nil: it had gone back to its base before.
    private func start(
        _ step: CommitStep, while progress: OverlayDisk.Progress, _ body: @escaping @Sendable () throws -> Void
    ) async throws -> CommitStep? {
        let before = await journal.disk(disk.overlay)?.progress
        try await journal.reach(before?.allowsPivot == true ? .undecided : progress, disk)
        let refusal = try await call("starting the commit of") { () -> Refusal? in
            do {
                try body()
                return nil
            } catch let error as LibvirtError {
                let job = try domain.blockJob(disk: target)
                // Seen again, or it is one that has begun, or ended, since the first look.
                let now = try CommitStep.next(for: disk, in: domain.description().chains)
                guard let job else { return now == step ? .failure(error) : .otherJob }
                let isLost = now == .startActiveCommit
                return job.isCommitThatCaughtUp && isLost ? .lostCommit : .otherJob
            }
        }
        guard let refusal else { return .wait }
        // None has begun, so nothing more is known than before.
        if let before { try await journal.reach(before, disk) }
        switch refusal {
        case .failure(let error):
            if step == .startActiveCommit, before?.allowsPivot == true { return nil }
            guard let profile = store.profile(refusing: error, domain: machineID) else { throw error }
            throw DeniedCommit(profile: profile, disk: disk, target: target, cause: error)
        case .lostCommit: try await takeUpLostCommit()
        case .otherJob: break
        }
        return .waitForOther
    }

    /// A libvirtd that was killed when a commit had just begun knows the job when it is back, but not that the disk has
    /// a mirror, and its XML shows none. Pivoting works then; to abort the job would crash libvirtd (9.0.0:
    /// qemuBlockJobProcessEventFailedActiveCommit reads the mirror that it has not).
    private func takeUpLostCommit() async throws {
        gate.arrive(disk.overlay)
        guard gate.isOpen else { return }
        try await journal.reach(.pivotRequested, disk)
        // Refused as long as the job is not quite ready: the next tick tries again.
        try? await call("pivoting") { try domain.startPivot(disk: target) }
    }

    private func call<Value: Sendable>(_ action: String, _ body: @escaping @Sendable () throws -> Value) async throws
        -> Value
    {
        try await blocking("\(action) \(target)", within: .seconds(30), body)
    }
}

/// Why libvirt does not start a commit.
private enum Refusal: Sendable {
    case failure(LibvirtError)
    case otherJob
    case lostCommit
}
