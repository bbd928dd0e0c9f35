internal import Bounds
internal import Hypervisor

/// Puts a domain back on its own disks, whatever became of it meanwhile, and removes what the freeze made.
struct Release: Sendable {
    let connection: Connection
    let request: ReleaseRequest
    let settings: HypervisorSettings
    let events: BlockJobEvents
    let record: RecordFreezeState

    private var store: any OverlayStore { settings.overlayStore(on: connection) }

    func run() async throws -> ReleaseResult {
        var freezeState = request.freezeState
        var notes: [String] = []
        var overlayBytes: UInt64?
        if freezeState.step == .preparing { try await store.endCreation(of: freezeState.disks) }
        let found = try await connection.find(request.machineID)
        let (domain, state) = found
        // After a wait, what was read of the domain before is old.
        let isFresh = !freezeState.isPausedForCommit && !freezeState.isThawPending
        let guest = GuestControl(domain: domain, settings: settings, record: record)
        if freezeState.isPausedForCommit {
            try await guest.resume(&freezeState)
            notes.append("an earlier release was killed while it had the guest paused; the guest was resumed")
        }
        // A guest that does not answer is not left on its overlays for that.
        var problem = try await guest.thaw(&freezeState, state)
        if let path = freezeState.ramDump, freezeState.step == .preparing || freezeState.step == .switching {
            try await deleteUnfinishedDump(path, of: domain)
            freezeState.ramDump = nil
        }
        if !freezeState.disks.isEmpty {
            let wasReleased = freezeState.step == .released
            if !wasReleased {
                let leaving = OverlayCommit(
                    connection: connection, machineID: request.machineID, settings: settings, events: events,
                    record: record)
                let left = try await leaving.run(&freezeState, found: isFresh ? found : nil)
                notes += left.notes
                if left.state == .pausedByFailedWrite { notes += try await guest.resumeAfterFailedWrite() }
                notes += await complete(domain, freezeState.disks)
                freezeState.step = .released
                try await record(freezeState)
            }
            overlayBytes = try await deleteOverlays(of: freezeState, domain, areSeenUnused: !wasReleased)
            freezeState.disks = []
            if problem != nil {
                try await record(freezeState)
                problem = try await guest.thaw(&freezeState, connection.find(request.machineID).1)
            }
        }
        if request.freezeState.disks.isEmpty, freezeState.step == .held {
            try await blocking("forgetting the snapshot", within: .seconds(30)) { [request] in
                try domain?.forgetSnapshot(named: request.freezeState.snapshot)
            }
        }
        if let problem { throw problem }
        try await record(nil)
        return ReleaseResult(notes: notes, overlayBytes: overlayBytes)
    }

    /// The disks are on their bases whatever comes of this.
    private func complete(_ domain: Domain?, _ disks: [OverlayDisk]) async -> [String] {
        guard let domain else { return [] }
        let bases = BaseDefinition(disks: disks)
        var notes: [String] = []
        do {
            try await blocking("comparing the definition with the one before", within: .seconds(30)) {
                try connection.complete(domain, bases)
            }
        } catch {
            notes.append("its definition may lack something of what it said of its disks before the freeze (\(error))")
        }
        do {
            notes += try await blocking("reading others' snapshots", within: .seconds(30)) { [request] in
                try domain.correctSnapshots(after: request.freezeState.snapshot, bases)
            }
        } catch {
            notes.append("a snapshot that somebody took meanwhile still names an overlay that is gone (\(error))")
        }
        return notes
    }

    /// Nobody knows whether it is whole, and nobody was told of it.
    private func deleteUnfinishedDump(_ path: String, of domain: Domain?) async throws {
        try await blocking("deleting the RAM dump", within: .seconds(60)) {
            guard try domain?.isBusy() != true else {
                throw HypervisorError(.changed, "libvirt is still at work on the domain", remedy: .retry)
            }
            try RAMFile.remove(path)
        }
    }

    /// - Returns: how much room they took; nil where one was not there any more.
    private func deleteOverlays(
        of freezeState: FreezeState, _ domain: Domain?, areSeenUnused: Bool
    ) async throws -> UInt64? {
        try await blocking("deleting the overlays", within: .seconds(60)) { [store] in
            if let domain, !areSeenUnused { try domain.requireUnused(freezeState, store) }
            // Where another run has made one of that name since, this run's is gone.
            let own = freezeState.disks.filter { store.otherRun(of: $0, than: freezeState) == nil }
            let sizes = own.map { store.size(of: $0) }
            for disk in own { try store.remove(disk) }
            try domain?.forgetSnapshot(named: freezeState.snapshot)
            guard sizes.count == freezeState.disks.count else { return nil }
            return sizes.reduce(UInt64?.some(0)) { sum, size in sum.flatMap { sum in size.map { sum.plus($0) } } }
        }
    }
}

extension Connection {
    /// The domain of that UUID and what it is doing.
    func find(_ uuid: String) async throws -> (Domain?, DomainState) {
        try await blocking("finding the domain \(uuid)", within: .seconds(30)) {
            let domain = try self.domain(uuid: uuid)
            return (domain, try domain?.state() ?? .undefined)
        }
    }
}
