internal import Hypervisor
internal import Support

/// What every freeze of a domain has and does, whatever it freezes.
struct FreezeContext: Sendable {
    let domain: Domain
    let description: DomainDescription
    /// The `<disk>`s to put back where libvirt leaves something out, by target.
    var kept: [String: String] = [:]
    let request: FreezeRequest
    let settings: HypervisorSettings
    let record: RecordFreezeState

    /// Where its overlays lie.
    var store: any OverlayStore { settings.overlayStore(on: domain.connection) }

    /// The snapshot's name in libvirt.
    var snapshot: String { "stillpoint-\(request.run)" }

    /// The disks to freeze, with the overlays that they will get; with the paths of their host, for libvirt.
    func heldDisks() throws -> [OverlayDisk] {
        let directory = store.directory
        return try request.disks.map { disk in
            guard let source = disk.source else {
                throw HypervisorError(
                    .callFailed, "\(disk.target) has no image", remedy: .fallBack, reason: .diskUnsupported)
            }
            // An overlay over anything but the image in use would lose what the guest wrote since the plan.
            guard let now = description.disk(disk.target), settings.plannedDisk(now.disk).chain == disk.chain,
                now.mirror == nil, let base = now.disk.source
            else {
                throw HypervisorError(
                    .changed, "\(disk.target) does not write to \(source) alone any more", remedy: .fallBack)
            }
            try description.requireHoldable(disk.target)
            if let left = disk.chain.overlay(of: request.machine.id) {
                throw HypervisorError(
                    .overlay, "\(disk.target) is on the overlay \(left) of an earlier run: stillpoint recover",
                    remedy: .fallBack, reason: .vmBusy)
            }
            let overlay = OverlayFile.path(in: directory, machine: request.machine, disk: disk.target)
            return OverlayDisk(
                target: disk.target, base: base, baseFormat: disk.format, overlay: overlay,
                definition: kept[disk.target], below: now.layersBelow)
        }
    }

    /// What tells this start of the domain from a later one, where its release has to know.
    func start() async throws -> String? {
        guard settings.site != nil else { return nil }
        return try await blocking("asking for the processor time of \(request.machine.name)", within: .seconds(10)) {
            store.start(of: domain, description)
        }
    }

    /// The sizes of these disks in bytes, in their order.
    func capacities(of disks: [OverlayDisk], within limit: Duration = .seconds(30)) async throws -> [UInt64] {
        try await blocking("asking for the sizes of the disks of \(request.machine.name)", within: limit) {
            try disks.map { disk in
                let capacity = try domain.capacity(of: disk.target)
                // A guest would lose what it writes behind the end of too small an overlay.
                guard capacity > 0 else {
                    throw HypervisorError(
                        .overlay, "libvirt does not know the size of \(disk.target)", remedy: .fallBack)
                }
                return capacity
            }
        }
    }

    /// All of them or none: when one fails, those that were made go again.
    private func createOverlays(_ disks: [OverlayDisk], _ capacities: [UInt64]) async throws {
        let results = await store.create(disks, capacities: capacities, run: request.run)
        do {
            for result in results { _ = try result.get() }
        } catch {
            // Where the storage hangs, all are left to the release; nothing knows of them but the journal.
            if (error as? HypervisorError)?.remedy != .stop {
                for case .success(let disk) in results { try store.remove(disk) }
            }
            throw error
        }
    }

    /// Makes the overlays, or gives the freeze up.
    /// - Parameter freezeState: durable, with the overlays as its own.
    func prepare(_ freezeState: FreezeState, _ capacities: [UInt64]) async throws {
        do {
            try await createOverlays(freezeState.disks, capacities)
        } catch let error as HypervisorError where error.remedy == .stop {
            throw error
        } catch {
            var left = freezeState
            left.disks = []
            try await giveUp(left, because: error)
        }
    }

    /// Undoes the preparations and fails with the reason.
    /// - Parameter isFenced: it is certain that the domain was not told of the overlays; so it is not asked whether it
    ///   uses them, which with a call that hangs could not be done.
    func giveUp(_ freezeState: FreezeState, because reason: any Error, isFenced: Bool = false) async throws -> Never {
        try await blocking("deleting the overlays of \(request.machine.name)", within: .seconds(30)) {
            if !isFenced { try domain.requireUnused(freezeState, store) }
            for disk in freezeState.disks { try store.remove(disk) }
            if let path = freezeState.ramDump { try RAMFile.remove(path) }
        }
        var left = freezeState
        left.disks = []
        left.ramDump = nil
        try await record(freezeState.isThawPending ? left : nil)
        if let reason = reason as? HypervisorError { throw reason }
        throw HypervisorError(
            .notQuiesced, "the VM could not be frozen", remedy: .fallBack, cause: reason, reason: .callFailed)
    }
}

// MARK: somebody else's work

extension FreezeContext {
    /// Waits a moment for others to be done with the domain: a snapshot would wait for them while the guest is frozen.
    /// - Throws: HypervisorError `.notQuiesced` that names what is under way.
    func requireIdle(_ disks: [OverlayDisk]) async throws {
        let left = request.deadline.map { ContinuousClock.now.duration(to: $0) / 4 } ?? settings.agentTimeout
        let end = ContinuousClock.now + min(left, settings.agentTimeout)
        while let work = try await work(on: disks) {
            guard .now < end else {
                throw HypervisorError(
                    .notQuiesced, "\(work) is under way, so the guest was not frozen", remedy: .fallBack,
                    reason: .vmBusy)
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func work(on disks: [OverlayDisk]) async throws -> String? {
        let name = request.machine.name
        return try await blocking("asking what is done with \(name)", within: .seconds(10)) {
            if let job = try domain.job() { return "\(job.name) of the VM (virsh domjobinfo \(shellQuoted(name)))" }
            for disk in disks where try domain.blockJob(disk: disk.target) != nil {
                return "a block job (virsh blockjob \(shellQuoted(name)) \(shellQuoted(disk.target)))"
            }
            return try domain.isOccupied() ? "another call to libvirt (virsh domcontrol \(shellQuoted(name)))" : nil
        }
    }
}
