internal import Hypervisor

/// Sets a domain going on its own disks again, whatever became of it meanwhile, and removes what the freeze made.
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
            try await blocking("looking for a qemu-img that was left", within: .seconds(30)) {
                StrayQemuImg.end(on: overlays)
            }
        }
        let (domain, state) = try await connection.find(request.machineID)
        let guest = HeldGuest(domain: domain, settings: settings, record: record)
        if hold.pausedByUs {
            try await guest.goOn(&hold)
            notes.append("an earlier release was ended while it had the guest paused; it was set going again")
        }
        // A guest that does not answer is not left on its overlays for that.
        var problem = try await guest.thaw(&hold, state)
        if let path = hold.ramDump, hold.step == .preparing || hold.step == .switching {
            try await deleteUnfinishedDump(path, of: domain)
            hold.ramDump = nil
        }
        if !hold.disks.isEmpty {
            if hold.step != .released {
                let leaving = LeavingOverlays(
                    connection: connection, machineID: request.machineID, settings: settings, events: events,
                    record: record)
                notes += try await leaving.run(&hold)
                notes += try await guest.goOnAfterFailedWrite()
                hold.step = .released
                try await record(hold)
            }
            try await deleteOverlays(of: hold, domain)
            hold.disks = []
            if problem != nil {
                try await record(hold)
                problem = try await guest.thaw(&hold, connection.find(request.machineID).1)
            }
        }
        if let problem { throw problem }
        try await record(nil)
        return ReleaseResult(notes: notes)
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

    private func deleteOverlays(of hold: Hold, _ domain: Domain?) async throws {
        try await blocking("deleting the overlays", within: .seconds(60)) {
            guard let domain else {
                for disk in hold.disks { try OverlayFile.remove(disk) }
                return
            }
            try domain.deleteUnusedOverlays(of: hold)
            try domain.forgetSnapshot(named: hold.snapshot)
        }
    }
}

extension Connection {
    /// The domain of that UUID and what it is doing.
    func find(_ uuid: String) async throws -> (Domain?, DomainState) {
        try await blocking("looking up the domain \(uuid)", within: .seconds(30)) {
            let domain = try self.domain(uuid: uuid)
            return (domain, try domain?.state() ?? .undefined)
        }
    }
}
