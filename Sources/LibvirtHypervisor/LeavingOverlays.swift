internal import Hypervisor
internal import Storage

/// Brings the disks of a domain from their overlays back to their bases.
///
/// It looks at each disk, does what that needs, and looks again, until no overlay is in use nor holds what its base
/// lacks. So a domain that is started or shut off meanwhile is met in the next round.
struct LeavingOverlays: Sendable {
    private static let rounds = 4
    /// While libvirt is at work on the domain.
    private static let pause = Duration.milliseconds(200)

    let connection: Connection
    let machineID: String
    let settings: HypervisorSettings
    let events: BlockJobEvents
    let record: RecordHold

    /// - Parameter found: the domain as it was seen just now; nil: it is looked up.
    /// - Returns: what an administrator should know, and what the domain was doing when it was seen to use none of the
    ///   overlays, now or at its next start, with libvirt not at work on it.
    func run(
        _ hold: inout Hold, found: (domain: Domain?, state: DomainState)?
    ) async throws -> (notes: [String], state: DomainState) {
        var notes: [String] = []
        var known = found
        // The overlays that this release has seen to be in their bases, as they were then.
        var contained: [String: ImageStamp] = [:]
        for _ in 1...Self.rounds {
            // By UUID each time: it may have been undefined, and defined again.
            let (domain, state) = if let known { known } else { try await connection.find(machineID) }
            known = nil
            if let domain, state == .migratedAway { return (notes + (try await finishMigrated(domain, hold)), state) }
            let (found, isSettled) = try await look(hold, domain, state, contained)
            try await begin(found, &hold)
            if found.allSatisfy({ $0.finding == .free }) {
                if isSettled { return (notes, state) }
                try await Task.sleep(for: Self.pause)
                continue
            }
            // Each disk is brought as far as it goes, also where another one is in doubt or fails.
            var failure: (any Error)?
            let live = found.filter { $0.finding == .live }
            if let domain, !live.isEmpty {
                do {
                    try await listen(to: domain)
                    notes += try await commitLive(live, of: domain, &hold)
                } catch {
                    failure = error
                }
            }
            let items = found.compactMap(\.offlineItem)
            if !items.isEmpty {
                do {
                    notes += try await commitOffline(items, domain, state, &hold)
                    for item in items { contained[item.disk.overlay] = ImageStamp.read(item.disk.overlay) }
                } catch {
                    failure = failure ?? error
                }
            }
            if let failure { throw failure }
            contained.merge(try await settleDoubts(found, state, &hold)) { $1 }
            notes += found.compactMap { $0.note(state) }
        }
        throw HypervisorError(.changed, "the VM changes faster than it can be released", remedy: .retry)
    }

    /// Makes durable what is about to begin.
    private func begin(_ found: [FoundDisk], _ hold: inout Hold) async throws {
        let before = hold
        // Preparations that were never finished are known by their step until they are undone.
        if hold.step != .preparing { hold.step = .releasing }
        for disk in found where disk.finding == .live && disk.disk.progress?.allowsPivot != true {
            hold.set(.committing, of: disk.disk.overlay)
        }
        if hold != before { try await record(hold) }
    }

    private func look(
        _ hold: Hold, _ domain: Domain?, _ state: DomainState, _ contained: [String: ImageStamp]
    ) async throws -> (disks: [FoundDisk], isSettled: Bool) {
        try await blocking("looking at the disks", within: .seconds(30)) {
            // Asked first: a call that we gave up waiting for may still be moving the domain to these very files.
            let isSettled = try !state.isActive || domain?.isOccupied() != true
            let live = state.isActive ? try domain?.description().uses : nil
            let persistent = try domain?.description(persistent: true).usesWithChains() ?? []
            let isSameProcess = state.isActive && domain.map { Self.isOlder($0, than: hold) } == true
            let disks = try hold.disks.map { disk in
                try disk.requireNoInternalSnapshot(of: domain?.name)
                if let other = OverlayMark.otherRun(of: disk.overlay, than: hold) {
                    return FoundDisk(disk, .doubtful("its overlay is the run \(other)'s, which is to release it"), nil)
                }
                let finding = DiskFinding.find(
                    disk, step: hold.step, live: live, persistent: persistent,
                    overlay: try OverlayContent.read(disk.overlay), lead: disk.lead, isSameProcess: isSameProcess,
                    isContained: contained[disk.overlay].map { $0 == ImageStamp.read(disk.overlay) } ?? false)
                return FoundDisk(disk, finding, live?.first(using: disk.overlay))
            }
            return (disks, isSettled)
        }
    }

    /// Whether the domain's QEMU is the one that was frozen.
    private static func isOlder(_ domain: Domain, than hold: Hold) -> Bool {
        guard let began = runTime(inName: hold.snapshot) else { return false }
        return QemuProcess(domain: domain.name)?.isOlder(than: began) == true
    }

    /// - Returns: the overlays that were seen to be in their bases, as they were then.
    /// - Throws: HypervisorError of the disks that are in doubt and stay so.
    private func settleDoubts(
        _ found: [FoundDisk], _ state: DomainState, _ hold: inout Hold
    ) async throws -> [String: ImageStamp] {
        var contained: [String: ImageStamp] = [:]
        var doubts: [String] = []
        for disk in found {
            guard case .doubtful(let reason) = disk.finding else { continue }
            let stamp = ImageStamp.read(disk.disk.overlay)
            // A release that was killed when a commit of ours was over: then both hold the same.
            if disk.disk.progress != nil, !state.isActive,
                (try? await OfflineCommit.isContained(disk.disk, within: settings.commitTimeout)) == true
            {
                contained[disk.disk.overlay] = stamp
                hold.set(.committed, of: disk.disk.overlay)
                try await record(hold)
            } else {
                let isOpen = state.isActive && OverlayFile.isInUse(disk.disk.overlay)
                doubts.append(disk.disk.doubt(isOpen ? disk.disk.openReason : reason).message)
            }
        }
        guard doubts.isEmpty else { throw HypervisorError(.changed, doubts.joined(separator: "; "), remedy: .stop) }
        return contained
    }

    /// Where the VM runs now it may use the overlays, which only that host can tell. Once they were committed and
    /// deleted there, the definition that it left behind gets its bases back.
    private func finishMigrated(_ domain: Domain, _ hold: Hold) async throws -> [String] {
        try await blocking("looking at what the VM left behind", within: .seconds(30)) {
            let left = try hold.disks.filter { try OverlayContent.read($0.overlay) != .missing }
            guard left.isEmpty else {
                let overlays = left.map { "\($0.overlay) (\($0.target))" }.joined(separator: ", ")
                throw HypervisorError(
                    .changed,
                    "the VM was migrated away from \(try connection.hostName()); on the host where it runs now it uses "
                        + "\(overlays), and all was left alone; there, for each disk: "
                        + "virsh blockcommit \(shellQuoted(domain.name)) "
                        + "DISK --active --pivot; then delete the overlay and try again",
                    remedy: .stop)
            }
            _ = try connection.define(domain, on: BaseDefinition(disks: hold.disks))
            return ["the VM was migrated away; the definition that it left on this host names its own disks again"]
        }
    }
}

// MARK: with QEMU

extension LeavingOverlays {
    private func listen(to domain: Domain) async throws {
        try await blocking("asking for the domain's events", within: .seconds(30)) { [connection, events] in
            try connection.subscribe(events, to: domain)
        }
    }

    /// All disks at once; with the guest paused where one cannot keep up with it.
    private func commitLive(_ found: [FoundDisk], of domain: Domain, _ hold: inout Hold) async throws
        -> [String]
    {
        var notes: [String] = []
        let behind: [FoundDisk]
        do {
            behind = try await commit(found, of: domain, within: settings.commitTimeout, &hold)
        } catch let denied as DeniedCommits {
            // Those that could begin are through by now; each pivot has libvirt write the profile anew.
            notes += try await denied.commits.permit(on: connection, domain.name)
            behind = try await commitAgain(denied, found, of: domain, &hold)
        }
        guard !behind.isEmpty else { return notes }
        let names = behind.map(\.disk.target).joined(separator: ", ")
        let late = HypervisorError(
            .timedOut,
            "the commit of \(names) did not catch up with the guest within \(settings.commitTimeout.inSeconds)",
            remedy: .retry)
        guard try await connection.find(machineID).1 == .running else { throw late }
        let guest = HeldGuest(domain: domain, settings: settings, record: record)
        let length = try await guest.paused(&hold) {
            guard try await commit(behind, of: domain, within: HeldGuest.longestPause, &$0).isEmpty else { throw late }
        }
        return notes + [
            "the commit of \(names) did not catch up with the guest within \(settings.commitTimeout.inSeconds), so the "
                + "guest was paused for \(length.inSeconds)"
        ]
    }

    /// Once, when the profile allows it.
    private func commitAgain(
        _ denied: DeniedCommits, _ found: [FoundDisk], of domain: Domain, _ hold: inout Hold
    ) async throws -> [FoundDisk] {
        let overlays = Set(denied.commits.map(\.disk.overlay))
        let disks = found.filter { overlays.contains($0.disk.overlay) }.map(\.lookingAgain)
        do {
            let behind = try await commit(disks, of: domain, within: settings.commitTimeout, &hold)
            if let other = denied.other { throw other }
            return denied.behind + behind
        } catch let again as DeniedCommits {
            throw again.commits[0].error(domain.name, libvirt: await connection.toldVersion())
        }
    }

    private func commitOffline(
        _ items: [OfflineCommit.Item], _ domain: Domain?, _ state: DomainState, _ hold: inout Hold
    ) async throws -> [String] {
        try await journaled(&hold) { journal in
            try await OfflineCommit(
                connection: connection, machineID: machineID, domain: domain, limit: settings.commitTimeout,
                journal: journal
            ).run(items, state)
        }
    }

    /// - Returns: those that the guest writes to faster than they can be committed.
    private func commit(
        _ found: [FoundDisk], of domain: Domain, within limit: Duration, _ hold: inout Hold
    ) async throws -> [FoundDisk] {
        try await journaled(&hold) { journal in
            try await CommitHeartbeat.during({ await journal.overlaysUnderCommit(of: found) }) {
                try await commit(found, of: domain, within: limit, journal)
            }
        }
    }

    /// The hold is the journal's meanwhile; after a failure it is recorded as it is then.
    private func journaled<Value: Sendable>(
        _ hold: inout Hold, _ body: (HoldJournal) async throws -> Value
    ) async throws -> Value {
        let journal = HoldJournal(hold, record)
        do {
            let value = try await body(journal)
            hold = await journal.hold
            return value
        } catch {
            try? await journal.flush()
            hold = await journal.hold
            throw error
        }
    }

    private func commit(
        _ found: [FoundDisk], of domain: Domain, within limit: Duration, _ journal: HoldJournal
    ) async throws -> [FoundDisk] {
        let jobs = found.map { BlockJobEvents.Job(domain: machineID, disk: $0.use?.target ?? $0.disk.target) }
        let gate = CommitGate(found.map(\.disk.overlay)) { [events] in for job in jobs { events.wake(job) } }
        return try await withThrowingTaskGroup(of: FoundDisk?.self) { group in
            for disk in found {
                let commit = LiveCommit(
                    domain: domain, machineID: machineID, disk: disk.disk,
                    target: disk.use?.target ?? disk.disk.target, firstStep: disk.firstStep, events: events,
                    journal: journal, gate: gate)
                group.addTask {
                    switch try await commit.run(within: limit) {
                    // What keeps the gate shut is another commit's failure.
                    case .done, .gated: return nil
                    case .behind: return disk.lookingAgain
                    case .unseen:
                        throw try await settleUnseenPivot(journal.disk(disk.disk.overlay) ?? disk.disk, of: domain)
                    }
                }
            }
            // Each disk is brought as far as it goes, also when another one fails.
            var failure: (any Error)?
            var behind: [FoundDisk] = []
            var denied: [DeniedCommit] = []
            while let result = await group.nextResult() {
                switch result {
                case .success(let disk): behind += disk.map { [$0] } ?? []
                case .failure(let error as DeniedCommit): denied.append(error)
                case .failure(let error): failure = failure ?? error
                }
            }
            if !denied.isEmpty { throw DeniedCommits(commits: denied, behind: behind, other: failure) }
            if let failure { throw failure }
            return behind
        }
    }

    /// Whatever libvirt shows, the guest writes to the base: so that is what it must start from next time.
    private func settleUnseenPivot(_ disk: HeldDisk, of domain: Domain) async throws -> HypervisorError {
        guard disk.progress != .undecided else { return disk.doubt(disk.undecidedReason(of: domain.name)) }
        guard let lead = disk.lead, lead > DiskFinding.longestLag else {
            return disk.doubt(
                "libvirtd was killed in the middle of its pivot, and nothing tells yet whether the guest writes to "
                    + disk.base)
        }
        return try await blocking("putting the base back into the definition", within: .seconds(60)) {
            _ = try connection.define(domain, on: BaseDefinition(disks: [disk]))
            return HypervisorError(
                .changed,
                "libvirtd was killed in the middle of the pivot of \(disk.target) and does not know that it is done: libvirt "
                    + "shows the overlay, but the guest writes to \(disk.base), which its definition names again; when it "
                    + "suits, shut the VM down and start it, then: stillpoint recover; until then the overlay is kept",
                remedy: .stop)
        }
    }
}

extension HoldJournal {
    /// Those of these disks whose guests still write to their overlays, or above them, while they are committed.
    fileprivate func overlaysUnderCommit(of found: [FoundDisk]) -> [String] {
        found.filter { found in
            switch disk(found.disk.overlay)?.progress {
            case .committing: true
            case .pivotRequested, .undecided: found.use?.chain.first != found.disk.overlay
            case .committed, nil: false
            }
        }.map(\.disk.overlay)
    }
}

/// The commits of a domain's disks that a profile keeps from beginning.
private struct DeniedCommits: Error, CustomStringConvertible {
    /// One at least.
    let commits: [DeniedCommit]
    /// The guest writes to these faster than they can be committed.
    let behind: [FoundDisk]
    /// Why another disk could not be brought to its base.
    let other: (any Error)?

    var description: String { commits.map { "\($0.cause)" }.joined(separator: "; ") }
}
