internal import Hypervisor

/// Sets a domain going on its own disks again and removes what the freeze made.
struct Release: Sendable {
    let connection: Connection
    let request: ReleaseRequest
    let settings: HypervisorSettings
    let events: BlockJobEvents
    let record: RecordHold

    func run() async throws {
        var hold = request.hold
        let domain = try await lookUp()
        if hold.owesThaw {
            try await thaw(domain)
            hold.owesThaw = false
            try await record(hold)
        }
        if let path = hold.ramDump, hold.step == .preparing || hold.step == .switching {
            try await deleteUnfinishedDump(path, of: domain)
            hold.ramDump = nil
        }
        // A thaw was all that was owed: no disk was moved.
        guard !hold.disks.isEmpty else { return try await record(nil) }
        if hold.step != .released {
            hold.step = .releasing
            try await record(hold)
            try await commit(hold, domain)
            hold.step = .released
            try await record(hold)
        }
        try await blocking("deleting the overlays", within: .seconds(60)) { [hold] in
            try domain.deleteUnusedOverlays(of: hold)
            try domain.forgetSnapshot(named: hold.snapshot)
        }
        try await record(nil)
    }

    private func lookUp() async throws -> Domain {
        let id = request.machineID
        return try await blocking("looking up the domain \(id)", within: .seconds(30)) {
            guard let domain = try connection.domain(uuid: id) else {
                throw HypervisorError(
                    .noSuchMachine, "the VM was undefined meanwhile; its overlays were left alone", remedy: .stop)
            }
            return domain
        }
    }

    /// Nobody knows whether it is whole, and nobody was told of it.
    private func deleteUnfinishedDump(_ path: String, of domain: Domain) async throws {
        try await blocking("deleting the RAM dump", within: .seconds(60)) {
            guard try !domain.isBusy() else {
                throw HypervisorError(.changed, "libvirt is still at work on the domain", remedy: .retry)
            }
            try RAMFile.remove(path)
        }
    }

    private func thaw(_ domain: Domain) async throws {
        try await blocking("thawing the guest", within: settings.agentTimeout + .seconds(1)) {
            try domain.setAgentTimeout(settings.agentTimeout)
            try domain.thawFileSystems()
        }
    }

    private func commit(_ hold: Hold, _ domain: Domain) async throws {
        let now = try await blocking("reading the definition", within: .seconds(30)) {
            // A domain that does not run has no chain in its XML, and nobody who could commit.
            guard try domain.power() != .off else {
                throw HypervisorError(
                    .changed, "the VM was shut off on its overlays; they were left alone", remedy: .stop)
            }
            return try domain.description()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for disk in hold.disks {
                let commit = ActiveCommit(
                    domain: domain, machineID: request.machineID, disk: disk, events: events,
                    timeout: settings.commitTimeout)
                group.addTask { try await commit.run(from: now.disk(disk.target)) }
            }
            // Each disk is brought as far as it goes, also when another one fails.
            var failure: (any Error)?
            while let result = await group.nextResult() {
                if case .failure(let error) = result { failure = failure ?? error }
            }
            if let failure { throw failure }
        }
    }
}
