internal import Hypervisor
internal import XMLTree

/// The call that makes a VM snapshot.
struct CreateSnapshotCall: Sendable {
    let vm: MoRef
    let name: String
    let strategy: Strategy

    /// Minutes that the server gives the guest to quiesce; the least that it accepts. The run's own deadline is nearer.
    private static let quiesceMinutes = 5

    /// The call.
    /// - Parameter isExtended: the server has CreateSnapshotEx_Task.
    func call(isExtended: Bool) -> SOAPCall {
        let description =
            "Made by stillpoint for a storage snapshot, and removed again right after it. If no run of stillpoint is open "
            + "any more (stillpoint recover --dry-run), this snapshot can be removed."
        let hasMemory = strategy == .memory
        let common = [
            XMLElement("name", text: name), XMLElement("description", text: description),
            XMLElement("memory", text: "\(hasMemory)"),
        ]
        guard isExtended else {
            return SOAPCall(
                "CreateSnapshot_Task", on: vm, common + [XMLElement("quiesce", text: "\(!hasMemory)")])
        }
        let spec = XMLElement(
            "quiesceSpec", type: "VirtualMachineGuestQuiesceSpec",
            children: [XMLElement("timeout", text: "\(Self.quiesceMinutes)")])
        return SOAPCall("CreateSnapshotEx_Task", on: vm, common + (hasMemory ? [] : [spec]))
    }
}

extension Session {
    /// Makes a call that starts a task.
    nonisolated func start(_ call: SOAPCall, until deadline: ContinuousClock.Instant) async throws -> MoRef {
        guard let task = MoRef(try await self.call(call, until: deadline).first("returnval")) else {
            throw CallFailure(.garbled, "\(url) names no task for \(call.method)")
        }
        return task
    }
}
