internal import Hypervisor

/// Releases one VM: removes the snapshot that its freeze made.
struct SnapshotRelease: Sendable {
    let session: Session
    let poller: TaskPoller
    let request: ReleaseRequest
    /// How long the server may take.
    let limit: Duration
    let record: RecordFreezeState

    func run() async throws -> ReleaseResult {
        var freezeState = request.freezeState
        freezeState.step = .releasing
        try await record(freezeState)
        let removal = SnapshotRemoval(
            session: session, poller: poller, vm: .vm(request.machineID), name: freezeState.snapshot,
            deadline: .now + limit, wasAskedBefore: request.freezeState.step == .releasing)
        do {
            let notes = try await removal.run(freezeState.reference.map(MoRef.snapshot))
            try await record(nil)
            return ReleaseResult(notes: notes)
        } catch let failure as CallFailure {
            // Who lacks a privilege lacks it in a second too; the run stays open for when it was given.
            let isPermanent = failure.fault?.privilege != nil || failure.kind == .certificate
            throw failure.error(
                "its VM snapshot \"\(freezeState.snapshot)\" is not removed yet", remedy: isPermanent ? .stop : .retry)
        }
    }
}
