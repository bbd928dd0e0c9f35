internal import Hypervisor

/// Releases one VM: removes the snapshot that its freeze made.
struct SnapshotRelease: Sendable {
    let session: Session
    let poller: TaskPoller
    let request: ReleaseRequest
    /// How long the server may take.
    let limit: Duration
    let record: RecordHold

    func run() async throws -> ReleaseResult {
        var hold = request.hold
        hold.step = .releasing
        try await record(hold)
        let removal = SnapshotRemoval(
            session: session, poller: poller, vm: .vm(request.machineID), name: hold.snapshot,
            deadline: .now + limit, wasAskedBefore: request.hold.step == .releasing)
        do {
            let notes = try await removal.run(hold.reference.map(MoRef.snapshot))
            try await record(nil)
            return ReleaseResult(notes: notes)
        } catch let failure as CallFailure {
            // Who lacks a privilege lacks it in a second too; the run stays open for when it was given.
            let isPermanent = failure.fault?.privilege != nil || failure.kind == .certificate
            throw failure.error(
                "its VM snapshot \"\(hold.snapshot)\" is not removed yet", remedy: isPermanent ? .stop : .retry)
        }
    }
}
