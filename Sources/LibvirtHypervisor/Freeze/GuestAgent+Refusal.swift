internal import Hypervisor

extension GuestAgent {
    /// Why the agent would not freeze though it answers, as it says itself; nil: it would, or does not say.
    ///
    /// A freeze does not ask: it is told so by the agent's answer.
    func refusal() async throws -> StrategyObstacle? {
        try await blocking("asking the guest agent of \(name) what it does", within: timeout * 2 + .seconds(1)) {
            guard let info = try? domain.askAgent("guest-info", AgentInfo.self, within: timeout) else { return nil }
            // An agent forbids it also while the guest is frozen.
            let state = { try? domain.askAgent("guest-fsfreeze-status", String.self, within: timeout) }
            return AgentRefusal(info, state: state).obstacle
        }
    }
}

/// What an agent says of the commands that a freeze needs.
struct AgentRefusal {
    /// A guest that cannot be thawed is not to be frozen.
    private static let needed = ["guest-fsfreeze-freeze", "guest-fsfreeze-thaw"]

    let obstacle: StrategyObstacle?

    /// - Parameter state: asks whether the guest is frozen: `thawed`, `frozen`; nil: it does not say.
    init(_ info: AgentInfo, state: () -> String?) {
        let unknown = Self.needed.filter { info.isEnabled($0) == nil }
        let forbidden = Self.needed.filter { info.isEnabled($0) == false }
        if !unknown.isEmpty {
            obstacle = StrategyObstacle(
                .agentRefuses, "its guest agent has no \(unknown.joined(separator: ", "))",
                fix: "install a guest agent that can freeze, or choose another strategy")
        } else if forbidden.isEmpty {
            obstacle = nil
        } else if state() == "frozen" {
            obstacle = StrategyObstacle(.vmBusy, "somebody else has frozen the guest, and has not thawed it")
        } else {
            obstacle = StrategyObstacle(
                .agentRefuses, "its guest agent does not allow \(forbidden.joined(separator: ", "))",
                fix: "allow that in the guest, then restart qemu-guest-agent: RHEL, Fedora and their like list what is "
                    + "blocked in /etc/sysconfig/qemu-ga (BLACKLIST_RPC, FILTER_RPC_ARGS), others in "
                    + "/etc/qemu/qemu-ga.conf (block-rpcs, blacklist) or by --block-rpcs (-b); Windows: reinstall the "
                    + "agent with its VSS provider")
        }
    }
}
