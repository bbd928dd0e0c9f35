internal import CLibvirt
internal import Hypervisor
internal import Support

/// An error as libvirt reported it; the number is one of virErrorNumber (virterror.h).
struct LibvirtError: Error, Sendable, CustomStringConvertible {
    let number: Int32
    let message: String

    var description: String { message }

    var isNoSuchDomain: Bool { number == Int32(VIR_ERR_NO_DOMAIN.rawValue) }
    /// The call is not supported, by this libvirt or this guest.
    var isUnsupported: Bool {
        [VIR_ERR_NO_SUPPORT, VIR_ERR_OPERATION_UNSUPPORTED, VIR_ERR_ARGUMENT_UNSUPPORTED]
            .contains { number == Int32($0.rawValue) }
    }
    /// The agent did not answer in time, or is not there.
    var isAgentSilent: Bool {
        // VIR_ERR_AGENT_COMMAND_TIMEOUT came with libvirt 11.2; older headers do not name it.
        let agentCommandTimeout: Int32 = 112
        return number == agentCommandTimeout
            || [VIR_ERR_AGENT_UNRESPONSIVE, VIR_ERR_AGENT_UNSYNCED].contains { number == Int32($0.rawValue) }
    }
    /// The agent is there and does not do that now: while a guest is frozen it refuses all but the thaw and a few
    /// questions (qemu-ga: "Command … has been disabled", with "the agent is in frozen state" since 7.1).
    var isRefusedByAgent: Bool { message.has("has been disabled") }
    /// The agent does not know the command: not every system's has a freeze (qemu-ga: "The command … has not been found").
    var isUnknownToAgent: Bool { message.has("has not been found") }
    /// Why an agent that was asked to freeze did not, in a word.
    var reasonOfAgent: ReasonCode {
        if saysThatGuestIsFrozen { return .vmBusy }
        if isAgentSilent { return .agentSilent }
        return isRefusedByAgent || isUnknownToAgent ? .agentRefuses : .freezeFailed
    }
    /// The guest is frozen.
    var saysThatGuestIsFrozen: Bool { message.has("frozen state") }
}
