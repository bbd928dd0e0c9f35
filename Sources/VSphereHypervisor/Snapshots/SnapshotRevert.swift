internal import Hypervisor
internal import Support
internal import XMLTree

/// Restores a VM whose datasets have been rolled back to the storage snapshot that holds its VM snapshot.
struct SnapshotRevert: Sendable {
    let session: Session
    let poller: TaskPoller
    let request: RevertRequest

    private static let limit = Duration.seconds(300)

    private var vm: MoRef { .vm(request.id) }

    /// - Returns: what an administrator should know.
    /// - Throws: HypervisorError, which says what has been done and how to continue.
    func run() async throws -> [String] {
        let deadline = ContinuousClock.now + Self.limit
        try await reload(deadline)
        var notes: [String] = []
        if let run = request.run {
            notes += try await revert(to: snapshotName(run: run), deadline)
        }
        if request.isStarted {
            try await step("is back, but could not be started; start it in the vSphere client") {
                try await VMPower(session: session, poller: poller, vm: vm).on()
            }
        }
        return notes
    }

    /// Has the server read the VM's files again, which are older now than what it knows.
    private func reload(_ deadline: ContinuousClock.Instant) async throws {
        do {
            _ = try await session.call(SOAPCall("Reload", on: vm, isRepeatable: true), until: deadline)
        } catch let failure as CallFailure where failure.fault?.kind == .missing {
            throw HypervisorError(
                .noSuchMachine,
                "its files are rolled back, but the server does not know \(named) any more: register it from "
                    + "its .vmx, revert it to its snapshot \"\(request.run.map(snapshotName) ?? "")\", and remove that",
                remedy: .stop)
        } catch let failure as CallFailure where failure.isUnknownMethod {
            // Only what is found in the tree by its name is used, so that an old tree does no harm.
        } catch let failure as CallFailure {
            throw failed("is rolled back, but the server could not read its files again", failure)
        }
    }

    private func revert(to name: String, _ deadline: ContinuousClock.Instant) async throws -> [String] {
        let snapshot = try await step("is rolled back, but its snapshots cannot be listed") {
            try await find(name, deadline)
        }
        try await step("is rolled back, but not reverted to its snapshot \"\(name)\"; revert it in the vSphere client")
        {
            let (_, outcome) = try await poller.run(on: vm, until: deadline) {
                try await session.start(SOAPCall("RevertToSnapshot_Task", on: snapshot), until: deadline)
            }
            try outcome.requireSuccess()
        }
        let removal = SnapshotRemoval(
            session: session, poller: poller, vm: vm, name: name, deadline: deadline)
        do {
            return try await removal.run(snapshot)
        } catch {
            return ["its snapshot \"\(name)\" is still there (\(error)); remove it in the vSphere client"]
        }
    }

    /// The snapshot, which the server may see only a moment after the files were read again.
    private func find(_ name: String, _ deadline: ContinuousClock.Instant) async throws -> MoRef {
        let found = try await Backoff(attempts: 5, first: .milliseconds(200)).firstValue {
            try await session.inspect(vm, until: deadline).state?.snapshots(named: name).first
        }
        guard let found else {
            throw HypervisorError(
                .changed,
                "the server does not see the snapshot \"\(name)\" in its files: remove the VM from the inventory "
                    + "(not from the disk), register it from its .vmx, and revert it there",
                remedy: .stop)
        }
        return found.reference
    }

    private func step<Value>(_ state: String, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            throw failed(state, error)
        }
    }

    private func failed(_ state: String, _ error: any Error) -> HypervisorError {
        HypervisorError(.callFailed, "\(named) \(state)", remedy: .stop, cause: error)
    }

    private var named: String { printable(request.name) }
}

extension CallFailure {
    /// The server has no such method for this object.
    fileprivate var isUnknownMethod: Bool {
        ["MethodNotFound", "NotImplemented", "NotSupported"].contains(fault?.name)
    }
}
