internal import Hypervisor
internal import Support

/// The `memory` freeze of one domain: an external snapshot of RAM and disks (libvirt.org/formatsnapshot.html).
///
/// libvirt dumps the RAM while the guest runs, stops it for the last pages, moves its disks to the overlays and
/// resumes it. So dump and bases are of one instant, and the definition inside the dump names the bases.
struct MemoryFreeze: Sendable {
    /// A dump that nobody waits for any more by then has hung.
    private static let longest = Duration.seconds(3600)

    let connection: Connection
    let context: FreezeContext
    let pauses: PauseStopwatch

    func run() async throws -> FreezeResult {
        if let obstacle = context.store.obstacleToMemory
            ?? context.description.obstacleToMemory(disks: context.request.disks)
        {
            throw HypervisorError(obstacle)
        }
        let machine = context.request.machine
        try await blocking("asking for events of \(machine.name)", within: .seconds(30)) {
            try connection.subscribeToPauses(pauses, of: context.domain)
        }
        let path = RAMFile.path(in: context.settings.ramDirectory, machine: machine, run: context.request.run)
        var freezeState = FreezeState(step: .preparing, snapshot: context.snapshot, disks: try context.heldDisks())
        try await context.store.requireAbsence(of: freezeState.disks)
        let capacities = try await context.capacities(of: freezeState.disks)
        try RAMFile.requireAbsence(of: path)
        freezeState.ramDump = path
        try await context.record(freezeState)
        try await context.prepare(freezeState, capacities)
        do {
            try await context.requireIdle(freezeState.disks)
        } catch {
            try await context.giveUp(freezeState, because: error, isFenced: true)
        }
        freezeState.step = .switching
        try await context.record(freezeState)
        pauses.begin(machine.id)
        let dumped = await dump(freezeState, to: RAMFile.unfinished(path))
        let pause = await pauses.end(machine.id)
        if case .failure(let reason) = dumped {
            // What libvirt may still be doing with dump and overlays is undone by whoever comes after that has ended.
            if let reason = reason as? HypervisorError, reason.remedy == .stop { throw reason }
            try await context.giveUp(freezeState, because: reason)
        }
        // The guest is on its overlays now. If the dump is no good, release brings it back, and deletes the dump since
        // the freeze state never came to be held.
        let size = try wholeSize(of: RAMFile.unfinished(path))
        try RAMFile.finish(path)
        await context.store.noteBasesAtRest(of: &freezeState)
        freezeState.step = .held
        try await context.record(freezeState)
        return FreezeResult(
            consistency: .memory, ramDump: RAMDump(path: path, bytes: size), pausedFor: pause)
    }

    private func dump(_ freezeState: FreezeState, to path: String) async -> Result<Void, any Error> {
        let domain = context.domain
        let document = snapshotDocument(
            name: freezeState.snapshot, held: freezeState.disks, of: context.description, memory: path)
        let limit = context.request.deadline.map { max(.seconds(1), ContinuousClock.now.duration(to: $0)) }
        let outcome = await act("dumping the RAM of \(context.request.machine.name)", within: limit ?? Self.longest) {
            try domain.createMemorySnapshot(xml: document)
        }
        switch outcome {
        case .ended(.success): return .success(())
        case .ended(.failure(let error)):
            return .failure(HypervisorError(.callFailed, "no RAM dump", remedy: .fallBack, cause: error))
        case .givenUp(let call): return await end(call, because: call.timeOut(after: limit ?? Self.longest))
        }
    }

    /// Ends a dump that takes too long and waits for the end of its call, so that what was prepared can be undone.
    ///
    /// Over a connection of its own; somebody else's job, which the dump may be waiting for, is let alone.
    private func end(_ call: AbandonedCall<Void>, because reason: HypervisorError) async -> Result<Void, any Error> {
        let (uri, machine) = (context.settings.uri, context.request.machine.id)
        for _ in 1...20 {
            _ = try? await blocking("ending the RAM dump", within: .seconds(5)) {
                let domain = try Connection(uri: uri).domain(uuid: machine)
                if let domain, try domain.job()?.isSnapshot == true { try domain.abortJob() }
            }
            switch await call.result(within: .milliseconds(200)) {
            case .success?: return .success(())
            case .failure?: return .failure(HypervisorError(.timedOut, "\(reason)", remedy: .fallBack, reason: .noTime))
            case nil: continue
            }
        }
        return .failure(reason)
    }

    private func wholeSize(of path: String) throws -> UInt64 {
        guard try SaveImage.isWhole(path) else {
            throw HypervisorError(.callFailed, "the RAM dump \(path) is incomplete", remedy: .fallBack)
        }
        return try RAMFile.size(path)
    }
}

extension DomainDescription {
    /// Why this domain's RAM cannot be dumped together with these disks; nil when it can be tried.
    func obstacleToMemory(disks held: [Disk]) -> StrategyObstacle? {
        let targets = Set(held.map(\.target))
        for disk in disks.map(\.disk) where !targets.contains(disk.target) {
            let state: String
            switch disk.exclusion {
            case .readOnly, .cdrom, .floppy: continue
            case .transient: state = "transient"
            case .shareable: state = "shareable"
            case .remote, nil: state = "not on the snapshotted datasets"
            }
            return StrategyObstacle(
                .diskUnsupported,
                "\(disk.target) is \(state), and the RAM must be of the same instant as all disks")
        }
        return fixedDevices.first.map { StrategyObstacle(.deviceUnsupported, $0) }
    }
}
