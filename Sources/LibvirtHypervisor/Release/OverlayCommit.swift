internal import Hypervisor
internal import Support

/// Brings the disks of a domain from their overlays back to their bases.
///
/// It reads the state of each disk, does what that needs, and reads again, until no overlay is in use nor holds what
/// its base lacks. So a domain that is started or shut off meanwhile is met in the next round.
struct OverlayCommit: Sendable {
    private static let rounds = 4
    /// While libvirt is at work on the domain.
    private static let pause = Duration.milliseconds(200)

    let connection: Connection
    let machineID: String
    let settings: HypervisorSettings
    let events: BlockJobEvents
    let record: RecordFreezeState

    var store: any OverlayStore { settings.overlayStore(on: connection) }

    /// - Parameter found: the domain as it was seen just now; nil: it is read first.
    /// - Returns: what an administrator should know, and what the domain was doing when it was seen to use none of the
    ///   overlays, now or at its next start, with libvirt not at work on it.
    func run(
        _ freezeState: inout FreezeState, found: (domain: Domain?, state: DomainState)?
    ) async throws -> (notes: [String], state: DomainState) {
        var notes: [String] = []
        var known = found
        // The overlays that this release has seen to be in their bases, as they were then.
        var contained: [String: ImageStamp] = [:]
        for _ in 1...Self.rounds {
            // By UUID each time: it may have been undefined, and defined again.
            let (domain, state) = if let known { known } else { try await connection.find(machineID) }
            known = nil
            if let domain, state == .migratedAway {
                return (notes + (try await finishMigrated(domain, freezeState)), state)
            }
            let (found, isSettled) = try await findDisks(freezeState, domain, state, contained)
            try await begin(found, &freezeState)
            if found.allSatisfy({ $0.finding == .free }) {
                if isSettled { return (notes, state) }
                try await Task.sleep(for: Self.pause)
                continue
            }
            // Each disk is brought as far as possible, also where another one is in doubt or fails.
            var failure: (any Error)?
            let live = found.filter { $0.finding == .live }
            if let domain, !live.isEmpty {
                do {
                    try await listen(to: domain)
                    notes += try await commitLive(live, of: domain, &freezeState)
                } catch {
                    failure = error
                }
            }
            let items = found.compactMap(\.offlineItem)
            if !items.isEmpty {
                do {
                    notes += try await commitOffline(items, domain, state, &freezeState)
                    for item in items { contained[item.disk.overlay] = store.stamp(of: item.disk) }
                } catch {
                    failure = failure ?? error
                }
            }
            if let failure { throw failure }
            contained.merge(try await resolveDoubts(found, state, &freezeState)) { $1 }
            notes += found.compactMap { $0.note(state) }
        }
        throw HypervisorError(.changed, "the VM changes faster than it can be released", remedy: .retry)
    }

    /// Makes durable what is about to begin.
    private func begin(_ found: [DiskReleasePlan], _ freezeState: inout FreezeState) async throws {
        let before = freezeState
        // Preparations that were never finished are known by their step until they are undone.
        if freezeState.step != .preparing { freezeState.step = .releasing }
        for disk in found where disk.finding == .live && disk.disk.progress?.allowsPivot != true {
            freezeState.set(.committing, of: disk.disk.overlay)
        }
        if freezeState != before { try await record(freezeState) }
    }

    private func findDisks(
        _ freezeState: FreezeState, _ domain: Domain?, _ state: DomainState, _ contained: [String: ImageStamp]
    ) async throws -> (disks: [DiskReleasePlan], isSettled: Bool) {
        try await blocking("reading the state of the disks", within: .seconds(30)) { [store] in
            // Asked first: a call that we gave up waiting for may still be moving the domain to these very files.
            let isSettled = try !state.isActive || domain?.isOccupied() != true
            let running = state.isActive ? try domain?.description() : nil
            let live = running?.chains
            let persistent = try domain.map { store.chains(of: try $0.description(persistent: true)) } ?? []
            let isSameProcess = running.flatMap { running in
                domain.map { store.isSameProcess($0, running, as: freezeState) }
            }
            let disks = try freezeState.disks.map { disk in
                try store.requireNoInternalSnapshot(in: disk, freezeState, of: domain)
                if let other = store.otherRun(of: disk, than: freezeState) {
                    return DiskReleasePlan(
                        disk, .doubtful("its overlay is the run \(other)'s, which is to release it"), nil)
                }
                let finding = OverlayState.find(
                    disk, step: freezeState.step, live: live, persistent: persistent,
                    overlay: try store.content(of: disk), lead: store.lead(of: disk),
                    isSameProcess: isSameProcess ?? false,
                    isContained: contained[disk.overlay].map { $0 == store.stamp(of: disk) } ?? false)
                return DiskReleasePlan(disk, finding, live?.first(using: disk.overlay))
            }
            return (disks, isSettled)
        }
    }

    /// - Returns: the overlays that were seen to be in their bases, as they were then.
    /// - Throws: HypervisorError of the disks that are in doubt and stay so.
    private func resolveDoubts(
        _ found: [DiskReleasePlan], _ state: DomainState, _ freezeState: inout FreezeState
    ) async throws -> [String: ImageStamp] {
        var contained: [String: ImageStamp] = [:]
        var doubts: [String] = []
        for disk in found {
            guard case .doubtful(let reason) = disk.finding else { continue }
            let stamp = store.stamp(of: disk.disk)
            // A release that was killed when a commit of ours was over: then both hold the same.
            if disk.disk.progress != nil, !state.isActive,
                await store.isContained(disk.disk, within: settings.commitTimeout)
            {
                contained[disk.disk.overlay] = stamp
                freezeState.set(.committed, of: disk.disk.overlay)
                try await record(freezeState)
            } else {
                let isOpen = state.isActive && store.isInUse(disk.disk)
                doubts.append(disk.disk.doubt(isOpen ? disk.disk.openReason : reason).message)
            }
        }
        guard doubts.isEmpty else { throw HypervisorError(.changed, doubts.joined(separator: "; "), remedy: .stop) }
        return contained
    }

    /// Where the VM runs now it may use the overlays, which only that host can tell. Once they were committed and
    /// deleted there, the definition that it left behind gets its bases back.
    private func finishMigrated(_ domain: Domain, _ freezeState: FreezeState) async throws -> [String] {
        try await blocking("reading what the VM left behind", within: .seconds(30)) { [store] in
            let left = try freezeState.disks.filter { try store.content(of: $0) != .missing }
            guard left.isEmpty else {
                let overlays = left.map { "\($0.overlay) (\($0.target))" }.joined(separator: ", ")
                throw HypervisorError(
                    .changed,
                    "the VM was migrated away from \(try connection.hostName()); on the host where it runs now it uses "
                        + "\(overlays), and nothing was touched; there, for each disk: "
                        + "virsh blockcommit \(shellQuoted(domain.name)) "
                        + "DISK --active --pivot; then delete the overlay and try again",
                    remedy: .stop)
            }
            _ = try connection.define(domain, on: BaseDefinition(disks: freezeState.disks))
            return ["the VM was migrated away; the definition that it left on this host names its own disks again"]
        }
    }
}

// MARK: of a domain that is off

extension OverlayCommit {
    private func commitOffline(
        _ items: [OfflineCommit.Item], _ domain: Domain?, _ state: DomainState, _ freezeState: inout FreezeState
    ) async throws -> [String] {
        try await journaled(&freezeState) { journal in
            let commit = OfflineCommit(
                connection: connection, machineID: machineID, domain: domain, limit: settings.commitTimeout,
                journal: journal)
            return try await store.release(items, state, by: commit)
        }
    }

    /// The freeze state is the journal's meanwhile; after a failure it is recorded as it is then.
    func journaled<Value: Sendable>(
        _ freezeState: inout FreezeState, _ body: (FreezeStateJournal) async throws -> Value
    ) async throws -> Value {
        let journal = FreezeStateJournal(freezeState, record)
        do {
            let value = try await body(journal)
            freezeState = await journal.freezeState
            return value
        } catch {
            try? await journal.flush()
            freezeState = await journal.freezeState
            throw error
        }
    }
}
