internal import Hypervisor
internal import Support

/// With QEMU: libvirt commits what a running domain has on its overlays.
extension OverlayCommit {
    func listen(to domain: Domain) async throws {
        try await blocking("asking for the domain's events", within: .seconds(30)) { [connection, events] in
            try connection.subscribeToBlockJobs(events, of: domain)
        }
    }

    /// All disks at once; with the guest paused where one cannot keep up with it.
    func commitLive(_ found: [DiskReleasePlan], of domain: Domain, _ freezeState: inout FreezeState) async throws
        -> [String]
    {
        var notes: [String] = []
        let behind: [DiskReleasePlan]
        do {
            behind = try await commit(found, of: domain, within: settings.commitTimeout, &freezeState)
        } catch let denied as DeniedCommits {
            // Those that could begin are through by now; each pivot has libvirt write the profile anew.
            notes += try await denied.commits.permit(on: connection, domain.name)
            behind = try await commitAgain(denied, found, of: domain, &freezeState)
        }
        guard !behind.isEmpty else { return notes }
        let names = behind.map(\.disk.target).joined(separator: ", ")
        let late = HypervisorError(
            .timedOut,
            "the commit of \(names) did not catch up with the guest within \(settings.commitTimeout.text)",
            remedy: .retry)
        guard try await connection.find(machineID).1 == .running else { throw late }
        let guest = GuestControl(domain: domain, settings: settings, record: record)
        let length = try await guest.paused(&freezeState) {
            guard try await commit(behind, of: domain, within: GuestControl.longestPause, &$0).isEmpty else {
                throw late
            }
        }
        return notes + [
            "the commit of \(names) did not catch up with the guest within \(settings.commitTimeout.text), so the "
                + "guest was paused for \(length.text)"
        ]
    }

    /// Once, when the profile allows it.
    private func commitAgain(
        _ denied: DeniedCommits, _ found: [DiskReleasePlan], of domain: Domain, _ freezeState: inout FreezeState
    ) async throws -> [DiskReleasePlan] {
        let overlays = Set(denied.commits.map(\.disk.overlay))
        let disks = found.filter { overlays.contains($0.disk.overlay) }.map(\.rechecked)
        do {
            let behind = try await commit(disks, of: domain, within: settings.commitTimeout, &freezeState)
            if let other = denied.other { throw other }
            return denied.behind + behind
        } catch let again as DeniedCommits {
            throw again.commits[0].error(domain.name, libvirt: await connection.libraryVersionIfKnown())
        }
    }

    /// - Returns: those that the guest writes to faster than they can be committed.
    private func commit(
        _ found: [DiskReleasePlan], of domain: Domain, within limit: Duration, _ freezeState: inout FreezeState
    ) async throws -> [DiskReleasePlan] {
        try await journaled(&freezeState) { journal in
            try await CommitHeartbeat.during({ await journal.overlaysUnderCommit(of: found) }, touching: store.touch) {
                try await commitAtOnce(found, of: domain, within: limit, journal)
            }
        }
    }

    private func commitAtOnce(
        _ found: [DiskReleasePlan], of domain: Domain, within limit: Duration, _ journal: FreezeStateJournal
    ) async throws -> [DiskReleasePlan] {
        let jobs = found.map { BlockJobEvents.Job(domain: machineID, disk: $0.use?.target ?? $0.disk.target) }
        let gate = CommitGate(found.map(\.disk.overlay)) { [events] in for job in jobs { events.wake(job) } }
        return try await withThrowingTaskGroup(of: DiskReleasePlan?.self) { group in
            for disk in found {
                let commit = LiveCommit(
                    domain: domain, machineID: machineID, disk: disk.disk,
                    target: disk.use?.target ?? disk.disk.target, firstStep: disk.firstStep, events: events,
                    journal: journal, gate: gate, store: store)
                group.addTask {
                    switch try await commit.run(within: limit) {
                    // What keeps the gate shut is another commit's failure.
                    case .done, .gated: return nil
                    case .behind: return disk.rechecked
                    case .unseen:
                        throw try await resolveUnseenPivot(journal.disk(disk.disk.overlay) ?? disk.disk, of: domain)
                    }
                }
            }
            // Each disk is brought as far as possible, also when another one fails.
            var failure: (any Error)?
            var behind: [DiskReleasePlan] = []
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
    private func resolveUnseenPivot(_ disk: OverlayDisk, of domain: Domain) async throws -> HypervisorError {
        guard disk.progress != .undecided else { return disk.doubt(disk.undecidedReason(of: domain.name)) }
        guard let lead = store.lead(of: disk), lead > OverlayState.longestLag else {
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

extension FreezeStateJournal {
    /// Those of these disks whose guests still write to their overlays, or above them, while they are committed.
    fileprivate func overlaysUnderCommit(of found: [DiskReleasePlan]) -> [String] {
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
    let behind: [DiskReleasePlan]
    /// Why another disk could not be brought to its base.
    let other: (any Error)?

    var description: String { commits.map { "\($0.cause)" }.joined(separator: "; ") }
}
