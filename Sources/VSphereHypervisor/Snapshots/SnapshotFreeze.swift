internal import Hypervisor

/// Freezes one VM: creates a VM snapshot, and checks that it is what it should be.
///
/// The freeze state is recorded before the server is asked, by the snapshot's name; so an answer that gets lost, at whatever
/// moment, leaves nothing that a release would not find. Nothing is made twice: after each failure the VM's snapshot
/// tree is read first.
struct SnapshotFreeze: Sendable {
    let session: Session
    let poller: TaskPoller
    let details: VMDetails
    let request: FreezeRequest
    let quiesceAttempts: Int
    let record: RecordFreezeState

    /// How long it may take where the manager sets no time-out.
    private static let defaultLimit = Duration.seconds(180)
    /// The part of the time that is kept for cancelling a task and finding what it left.
    private static let cleanupReserve = Duration.milliseconds(1500)
    /// How long somebody else's task, or a lock, is waited for at most.
    static let maxRetryTime = Duration.seconds(60)
    /// How long a server may still be at a call after its connection broke.
    static let lostAnswerDelay = Duration.milliseconds(100)

    var vm: MoRef { details.reference }
    var name: String { snapshotName(run: request.run) }

    func run() async throws -> FreezeResult {
        if let obstacle = details.obstacle(to: request.strategy, targets: request.disks.map(\.target)) {
            throw HypervisorError(obstacle)
        }
        let end = request.deadline ?? .now + Self.defaultLimit
        let deadline = end - min(Self.cleanupReserve, max(.zero, (end - .now) / 3))
        try await record(FreezeState(step: .preparing, snapshot: name, disks: []))
        let (snapshot, power) = try await snapshot(before: deadline, end: end)
        try await record(FreezeState(step: .held, snapshot: name, reference: snapshot.reference.value, disks: []))
        return result(of: snapshot, power: power)
    }

    private func result(of snapshot: TreeSnapshot, power: String) -> FreezeResult {
        if request.strategy == .memory, snapshot.hasMemory { return FreezeResult(consistency: .memory) }
        if request.strategy == .quiesce, snapshot.isQuiesced { return FreezeResult(consistency: .quiesced) }
        let wanted = request.strategy == .memory ? "with the VM's RAM" : "quiesced"
        let why = power == "poweredOn" ? "" : "; the VM is not running any more"
        return FreezeResult(
            consistency: .crash, notes: ["the server made a VM snapshot, but says that it is not \(wanted)\(why)"],
            reason: why.isEmpty ? .freezeFailed : .vmChanged)
    }
}
