internal import Hypervisor

/// Puts a domain back on its own disks, whatever became of it meanwhile, and removes what the freeze made.
struct Release: Sendable {
    let connection: Connection
    let request: ReleaseRequest
    let settings: HypervisorSettings
    let events: BlockJobEvents
    let record: RecordHold

    func run() async throws -> ReleaseResult {
        var hold = request.hold
        var notes: [String] = []
        if hold.step == .preparing {
            let overlays = hold.disks.map(\.overlay)
            try await blocking("finding a qemu-img that was left running", within: .seconds(30)) {
                StrayQemuImg.end(on: overlays)
            }
        }
        let found = try await connection.find(request.machineID)
        let (domain, state) = found
        // After a wait, what was read of the domain before is old.
        let isFresh = !hold.pausedByUs && !hold.owesThaw
        let guest = HeldGuest(domain: domain, settings: settings, record: record)
        if hold.pausedByUs {
            try await guest.goOn(&hold)
            notes.append("an earlier release was killed while it had the guest paused; the guest was resumed")
        }
        // A guest that does not answer is not left on its overlays for that.
        var problem = try await guest.thaw(&hold, state)
        if let path = hold.ramDump, hold.step == .preparing || hold.step == .switching {
            try await deleteUnfinishedDump(path, of: domain)
            hold.ramDump = nil
        }
        if !hold.disks.isEmpty {
            let wasReleased = hold.step == .released
            if !wasReleased {
                let leaving = LeavingOverlays(
                    connection: connection, machineID: request.machineID, settings: settings, events: events,
                    record: record)
                let left = try await leaving.run(&hold, found: isFresh ? found : nil)
                notes += left.notes
                if left.state == .pausedByFailedWrite { notes += try await guest.goOnAfterFailedWrite() }
                notes += await complete(domain, hold.disks)
                hold.step = .released
                try await record(hold)
            }
            try await deleteOverlays(of: hold, domain, areSeenUnused: !wasReleased)
            hold.disks = []
            if problem != nil {
                try await record(hold)
                problem = try await guest.thaw(&hold, connection.find(request.machineID).1)
            }
        }
        if request.hold.disks.isEmpty, hold.step == .held {
            try await blocking("forgetting the snapshot", within: .seconds(30)) { [request] in
                try domain?.forgetSnapshot(named: request.hold.snapshot)
            }
        }
        if let problem { throw problem }
        try await record(nil)
        return ReleaseResult(notes: notes)
    }

    /// The disks are on their bases whatever comes of this.
    private func complete(_ domain: Domain?, _ disks: [HeldDisk]) async -> [String] {
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
                try domain.correctSnapshots(after: request.hold.snapshot, bases)
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

    private func deleteOverlays(of hold: Hold, _ domain: Domain?, areSeenUnused: Bool) async throws {
        try await blocking("deleting the overlays", within: .seconds(60)) {
            if let domain, !areSeenUnused { try domain.requireUnused(hold) }
            // Where another run has made one of that name since, this run's is gone.
            for disk in hold.disks where OverlayMark.otherRun(of: disk.overlay, than: hold) == nil {
                try OverlayFile.remove(disk)
            }
            try domain?.forgetSnapshot(named: hold.snapshot)
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
