internal import Hypervisor
internal import Support
internal import XMLTree

/// Removes one of our snapshots from a VM, and nothing else; and has the VM's disks consolidated after it.
struct SnapshotRemoval: Sendable {
    let session: Session
    let poller: TaskPoller
    let vm: MoRef
    /// Its exact name, by which it is found when its MoRef is not known, or not valid any more.
    let name: String
    let deadline: ContinuousClock.Instant
    /// Its removal was asked for before, by an earlier attempt.
    var wasAskedBefore = false

    /// How often a transient failure is retried.
    private static let attempts = 6

    /// Removes it.
    /// - Parameter known: its MoRef; nil: it is found by its name.
    /// - Returns: what an administrator should know.
    /// - Throws: CallFailure, HypervisorError: it may still be there, or its files may.
    func run(_ known: MoRef?) async throws -> [String] {
        var backoff = Backoff(attempts: Self.attempts, first: .milliseconds(200))
        var wasAsked = wasAskedBefore
        var reference: MoRef?
        if let known {
            // A MoRef may mean another snapshot by now: on a server that was reinstalled, say.
            guard let state = try await poller.state(of: vm, until: deadline) else { return [goneNote] }
            if state.snapshots(named: name).contains(where: { $0.reference == known }) { reference = known }
        }
        while true {
            if reference == nil {
                let view = try await session.inspect(vm, until: deadline)
                guard let state = view.state else { return [goneNote] }
                guard let found = state.snapshots(named: name).first?.reference else {
                    if let task = view.removal, wasAsked {
                        try await waitFor(task)
                        continue
                    }
                    try refuseCreation(view)
                    let note = wasAsked || known == nil ? [] : ["somebody had already removed the VM snapshot"]
                    return note + (try await consolidate(state))
                }
                if wasAsked, let task = view.removal {
                    try await waitFor(task)
                    continue
                }
                reference = found
            }
            guard let target = reference else { continue }
            do {
                let state = try await remove(target)
                guard let state else { return [goneNote] }
                // One of the same name is ours as well: a call whose answer got lost may have been carried out twice.
                if let another = state.snapshots(named: name).first?.reference, another != target {
                    reference = another
                    continue
                }
                return try await consolidate(state)
            } catch let failure as CallFailure {
                wasAsked = wasAsked || failure.fault?.kind != .missing
                guard failure.isWorthChecking, .now < deadline else { throw failure }
                if failure.fault?.kind != .missing, !(await backoff.wait()) { throw failure }
                // Whatever was said: what is in the tree counts.
                reference = nil
            }
        }
    }

    private var goneNote: String {
        "the VM is not in the server's inventory any more; if it is registered again, remove its snapshot \"\(name)\""
    }

    /// - Returns: the VM without the snapshot; nil: the VM is gone.
    private func remove(_ snapshot: MoRef) async throws -> VMState? {
        let call = SOAPCall(
            "RemoveSnapshot_Task", on: snapshot,
            [XMLElement("removeChildren", text: "false"), XMLElement("consolidate", text: "true")])
        let (_, outcome) = try await poller.run(
            on: vm, until: deadline,
            isConfirmed: { progress, state in
                guard case .done = progress, let state else { return true }
                return !state.snapshots.contains { $0.reference == snapshot }
            },
            start: { try await session.start(call, until: deadline) })
        switch outcome.task {
        case nil, .running:
            throw HypervisorError(
                .timedOut, "the server is still removing the VM snapshot; the next release checks it again",
                remedy: .stop)
        case .failed(let fault): throw CallFailure(fault)
        case .unknown: throw TaskState.unknownEnd
        case .done: return outcome.vm
        }
    }

    private func waitFor(_ task: TaskState) async throws {
        let outcome = try await poller.wait(for: task.reference, on: vm, until: deadline)
        guard outcome.task != nil else {
            throw HypervisorError(
                .timedOut, "the server is still removing the VM snapshot; the next release checks it again",
                remedy: .stop)
        }
    }

    /// A snapshot that is being made while nobody waits for it any more could be ours: the run must not forget it.
    private func refuseCreation(_ view: VMTaskView) throws {
        guard view.creation == nil else {
            throw HypervisorError(
                .changed, "a VM snapshot is still being created, which may be this run's", remedy: .retry)
        }
    }

    private func consolidate(_ state: VMState) async throws -> [String] {
        guard state.needsConsolidation else { return [] }
        var backoff = Backoff(attempts: Self.attempts, first: .milliseconds(200))
        while true {
            do {
                let call = SOAPCall("ConsolidateVMDisks_Task", on: vm)
                let (_, outcome) = try await poller.run(on: vm, until: deadline) {
                    try await session.start(call, until: deadline)
                }
                switch outcome.task {
                case nil, .running:
                    throw HypervisorError(.timedOut, "the server is still consolidating the VM's disks", remedy: .stop)
                case .failed(let fault): throw CallFailure(fault)
                case .unknown: throw TaskState.unknownEnd
                case .done: return ["its disks needed consolidation, and were consolidated"]
                }
            } catch let failure as CallFailure {
                if failure.fault?.kind == .missing { return [goneNote] }
                if failure.isTransient, .now < deadline {
                    if await backoff.wait() { continue }
                    throw failure
                }
                return [
                    "its VM snapshot is removed, but its disks could not be consolidated (\(failure)); consolidate "
                        + "them in the vSphere client"
                ]
            }
        }
    }
}

extension CallFailure {
    /// The server may have done it, or it may go through the next time.
    fileprivate var isWorthChecking: Bool {
        isTransient || mayHaveActed || fault.map { $0.privilege == nil } ?? false
    }
}
