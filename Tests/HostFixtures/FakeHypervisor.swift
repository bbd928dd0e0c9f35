package import Hypervisor
package import RunState
import Synchronization

/// A back end whose VMs are nothing but a list; a configuration's `uri` leads to its `FakeWorld`.
package final class FakeHypervisor: FileSystemFreezing, ProcessorPausing, GuestShutdown, HypervisorBackEnd {
    package static let kind = "fake"

    package let name: String
    package let overlayDirectory: String?
    package let freezeAttempts = 2
    private let world: FakeWorld

    package init(_ settings: HypervisorSettings) {
        name = settings.name
        overlayDirectory = settings.overlayDirectory
        world = FakeWorld.at(settings.uri)
    }

    package static func make(_ settings: HypervisorSettings) -> any Hypervisor { FakeHypervisor(settings) }

    package func virtualMachines() async throws -> [VirtualMachine] {
        world.note("list")
        return try world.machines()
    }

    package func virtualMachine(id: String) async throws -> VirtualMachine? {
        world.note("look \(id)")
        if let problem = world.behaviour.looking { throw problem }
        return try world.machines().first { $0.id == id }
    }

    package func freeze(_ request: FreezeRequest, record: @escaping RecordFreezeState) async throws -> FreezeResult {
        world.noteJournal(of: request.machine.name)
        world.note("freeze \(request.machine.name)")
        return try await world.behaviour.freeze(request, record)
    }

    package func thaw(id: String) async throws -> Int {
        world.note("thaw \(id)")
        return try await world.behaviour.thaw(id)
    }

    package func freezeFileSystems(_ request: FreezeRequest) async throws -> FreezeResult {
        world.noteJournal(of: request.machine.name)
        world.note("fsfreeze \(request.machine.name)")
        return try await world.behaviour.freezeFileSystems(request)
    }

    package func pause(id: String, before deadline: ContinuousClock.Instant?) async throws -> [String] {
        world.noteJournal(of: String(id.dropFirst("id-of-".count)))
        world.note("pause \(id)")
        try await world.behaviour.pause(id)
        return []
    }

    package func resume(id: String) async throws {
        world.note("resume \(id)")
        try await world.behaviour.resume(id)
    }

    package func shutDown(id: String, before deadline: ContinuousClock.Instant) async throws {
        world.noteJournal(of: String(id.dropFirst("id-of-".count)))
        world.note("shutdown \(id)")
        try await world.behaviour.shutDown(id)
        world.markStopped(id)
    }

    package func start(id: String) async throws {
        world.note("start \(id)")
        try await world.behaviour.start(id)
        world.markStarted(id)
    }

    package func release(_ request: ReleaseRequest, record: @escaping RecordFreezeState) async throws -> ReleaseResult {
        world.noteJournal(of: String(request.machineID.dropFirst("id-of-".count)))
        world.note("release \(request.machineID)")
        try await world.behaviour.release(request, record)
        return ReleaseResult(notes: world.behaviour.releaseNotes, overlayBytes: world.behaviour.overlayBytes)
    }

    package func exportDefinition(of id: String) async throws -> ExportedDefinition? {
        world.note("keepsake \(id)")
        return try world.behaviour.exportDefinition(id)
    }

    package func obstacles(
        to strategies: [Strategy], of machine: VirtualMachine, disks: [Disk]
    ) async throws -> [Strategy: StrategyObstacle] {
        try await world.behaviour.obstacles(strategies, machine.with(disks: disks))
    }

    package func leftovers() async throws -> [Leftover] { try world.behaviour.leftovers() }

    package func stop(id: String) async throws {
        world.note("stop \(id)")
        try world.behaviour.stop(id)
        world.markStopped(id)
    }

    package func checkRestore(_ request: RestoreRequest) async throws -> [String] {
        try world.behaviour.checkRestore(request)
    }

    package func restore(_ request: RestoreRequest) async throws -> VirtualMachine {
        world.note("restore \(request.newName ?? request.definition)")
        let restored = try world.behaviour.restore(request)
        world.markStopped(nil)
        return restored
    }

    package func close() async { world.note("close") }
}

/// What a fake hypervisor does, and what was asked of it.
package final class FakeWorld: Sendable {
    package struct Behaviour: Sendable {
        package var list: @Sendable () throws -> [VirtualMachine] = { [] }
        package var freeze: @Sendable (FreezeRequest, RecordFreezeState) async throws -> FreezeResult = {
            request, record in
            try await FakeWorld.freezeState(request, record)
            return FreezeResult(
                consistency: .quiesced, frozenFileSystems: 2, listedFileSystems: 2, frozenFor: .milliseconds(40))
        }
        package var thaw: @Sendable (String) async throws -> Int = { _ in 2 }
        package var freezeFileSystems: @Sendable (FreezeRequest) async throws -> FreezeResult = { _ in
            FreezeResult(consistency: .quiesced, frozenFileSystems: 2, listedFileSystems: 2)
        }
        package var pause: @Sendable (String) async throws -> Void = { _ in }
        package var resume: @Sendable (String) async throws -> Void = { _ in }
        package var shutDown: @Sendable (String) async throws -> Void = { _ in }
        package var start: @Sendable (String) async throws -> Void = { _ in }
        package var exportDefinition: @Sendable (String) throws -> ExportedDefinition = {
            ExportedDefinition(definition: "<definition of \($0)>", files: [])
        }
        /// Reading one VM fails.
        package var looking: HypervisorError?
        package var leftovers: @Sendable () throws -> [Leftover] = { [] }
        package var checkRestore: @Sendable (RestoreRequest) throws -> [String] = { _ in [] }
        package var stop: @Sendable (String) throws -> Void = { _ in }
        package var obstacles: @Sendable ([Strategy], VirtualMachine) async throws -> [Strategy: StrategyObstacle] = {
            _, _ in [:]
        }
        package var restore: @Sendable (RestoreRequest) throws -> VirtualMachine = { request in
            VirtualMachine(id: "restored", name: request.newName ?? "restored", power: .running, disks: [])
        }
        package var release: @Sendable (ReleaseRequest, RecordFreezeState) async throws -> Void = { _, record in
            try await record(nil)
        }
        package var revert: @Sendable (RevertRequest) throws -> [String] = { _ in [] }
        package var releaseNotes: [String] = []
        package var overlayBytes: UInt64?

        package init() {}
    }

    private static let worlds = Mutex<[String: FakeWorld]>([:])

    package let uri: String
    private let stateDirectory: String
    private let state = Mutex((behaviour: Behaviour(), calls: [String](), journal: [String: VMRecord?]()))
    private let stopped = Mutex<Set<String>>([])

    /// - Parameter stateDirectory: where the journal is read whenever a VM is acted on.
    package init(uri: String, stateDirectory: String) {
        self.uri = uri
        self.stateDirectory = stateDirectory
        Self.worlds.withLock { $0[uri] = self }
    }

    static func at(_ uri: String) -> FakeWorld {
        worlds.withLock { $0[uri] } ?? FakeWorld(uri: uri, stateDirectory: "/nonexistent")
    }

    package func forget() { Self.worlds.withLock { $0[uri] = nil } }

    package var behaviour: Behaviour { state.withLock { $0.behaviour } }
    package func change(_ body: (inout Behaviour) -> Void) { state.withLock { body(&$0.behaviour) } }

    /// Those that `behaviour` lists; the ones that were stopped are off.
    func machines() throws -> [VirtualMachine] {
        let stopped = stopped.withLock { $0 }
        return try behaviour.list().map { machine in
            guard stopped.contains(machine.id) else { return machine }
            return VirtualMachine(
                id: machine.id, name: machine.name, power: .off, disks: machine.disks, memory: machine.memory,
                notes: machine.notes)
        }
    }

    /// - Parameter id: nil: none is stopped any more.
    package func markStopped(_ id: String?) {
        stopped.withLock { stopped in
            if let id { stopped.insert(id) } else { stopped = [] }
        }
    }

    package func markStarted(_ id: String) { stopped.withLock { _ = $0.remove(id) } }

    /// All calls but reading one VM, in order.
    package var acts: [String] { calls.filter { !$0.hasPrefix("look ") } }

    /// All calls but `close` and `keepsake`, in order.
    package var calls: [String] { state.withLock { $0.calls.filter { $0 != "close" && !$0.hasPrefix("keepsake") } } }
    /// The ids of the VMs of which something was kept.
    package var kept: [String] {
        state.withLock { $0.calls.compactMap { $0.hasPrefix("keepsake ") ? String($0.dropFirst(9)) : nil } }
    }
    package var closes: Int { state.withLock { $0.calls.count { $0 == "close" } } }
    package func count(_ verb: String) -> Int { calls.count { $0.hasPrefix(verb) } }

    func note(_ call: String) { state.withLock { $0.calls.append(call) } }

    /// What the state file on the disk said of each VM when it was last acted on; nil where it did not name the VM.
    package var journal: [String: VMRecord?] { state.withLock { $0.journal } }

    fileprivate func noteJournal(of name: String) {
        let directory = StateDirectory(stateDirectory)
        let runs = ((try? directory.openRunIDs()) ?? []).compactMap { try? directory.read($0) }
        let record = runs.flatMap(\.machines).last { $0.name == name }
        state.withLock { $0.journal[name] = .some(record) }
    }

    /// Records what a back end records on its way to a held VM.
    package static func freezeState(_ request: FreezeRequest, _ record: RecordFreezeState) async throws {
        let disks = request.disks.map { disk in
            OverlayDisk(
                target: disk.target, base: disk.source ?? "", baseFormat: disk.format,
                overlay: "/overlays/\(request.machine.id).qcow2")
        }
        for step in [FreezeState.Step.preparing, .switching, .held] {
            try await record(FreezeState(step: step, snapshot: "stillpoint-\(request.run)", disks: disks))
        }
    }
}
