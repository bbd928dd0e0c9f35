internal import Hypervisor
internal import XMLTree

/// Asks which of the privileges that a run needs the account lacks on some VMs.
struct Privileges: Sendable {
    /// To freeze and to release by these strategies; a restore needs RevertToSnapshot, PowerOff and PowerOn besides.
    static func needed(for strategies: Set<Strategy>) -> [String] {
        var needed: [String] = []
        if strategies.contains(where: \.movesDisks) {
            needed += ["VirtualMachine.State.CreateSnapshot", "VirtualMachine.State.RemoveSnapshot"]
        }
        if strategies.contains(.pause) { needed.append("VirtualMachine.Interact.Suspend") }
        // Of ShutdownGuest too: the API names no other.
        if strategies.contains(.shutdown) { needed.append("VirtualMachine.Interact.PowerOff") }
        if strategies.contains(.pause) || strategies.contains(.shutdown) {
            needed.append("VirtualMachine.Interact.PowerOn")
        }
        return needed
    }

    /// VMs asked about in one call.
    static let page = 500

    /// The privileges that lack of those needed, by VM; nothing where the server does not say.
    static func missing(
        _ needed: [String], on vms: [MoRef], _ session: Session, until deadline: ContinuousClock.Instant
    ) async throws -> [MoRef: [String]] {
        guard !needed.isEmpty else { return [:] }
        let open = try await session.open(until: deadline)
        guard let manager = open.content.authorizationManager, let key = open.key else { return [:] }
        var missingPrivileges: [MoRef: [String]] = [:]
        for start in stride(from: 0, to: vms.count, by: page) {
            let some = vms[start..<min(start + page, vms.count)]
            let call = SOAPCall(
                "HasPrivilegeOnEntities", on: manager,
                some.map { $0.element("entity") } + [XMLElement("sessionId", text: key)]
                    + needed.map { XMLElement("privId", text: $0) }, isRepeatable: true)
            // A server that does not know the call, or that does not let the account ask: then freezes will tell.
            guard let result = try? await session.call(call, until: deadline) else { return missingPrivileges }
            for entity in result.children(named: "returnval") {
                guard let vm = MoRef(entity.first("entity")) else { continue }
                let missing = entity.children(named: "privAvailability").filter { !$0.isTrue("isGranted") }
                if !missing.isEmpty { missingPrivileges[vm] = missing.compactMap { $0.value("privId") } }
            }
        }
        return missingPrivileges
    }
}
