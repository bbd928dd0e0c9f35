import CLibvirt
import Hypervisor
import JSON
import Testing

@testable import LibvirtHypervisor

@Suite("What an agent says of its freeze")
struct AgentRefusalTests {
    private static func info(_ commands: [(String, Bool)]) throws -> AgentInfo {
        let list = commands.map { "{\"enabled\": \($1), \"name\": \"\($0)\", \"success-response\": true}" }
        let text = "{\"version\": \"7.2.22\", \"supported_commands\": [\(list.joined(separator: ", "))]}"
        return try JSON.decode(AgentInfo.self, from: Array(text.utf8))
    }

    @Test(
        "stands in the way where it does not allow or know what a freeze needs",
        arguments: [
            ([("guest-fsfreeze-freeze", true), ("guest-fsfreeze-thaw", true)], nil, nil, ""),
            // A status that is blocked is no obstacle: a freeze does not ask for it.
            (
                [("guest-fsfreeze-freeze", true), ("guest-fsfreeze-thaw", true), ("guest-fsfreeze-status", false)], nil,
                nil, ""
            ),
            (
                [("guest-fsfreeze-freeze", false), ("guest-fsfreeze-thaw", true)], "thawed", .agentRefuses,
                "does not allow guest-fsfreeze-freeze"
            ),
            (
                [("guest-fsfreeze-freeze", false), ("guest-fsfreeze-thaw", false)], nil, .agentRefuses,
                "guest-fsfreeze-freeze, guest-fsfreeze-thaw"
            ),
            (
                [("guest-fsfreeze-freeze", true), ("guest-fsfreeze-thaw", false)], "thawed", .agentRefuses,
                "does not allow guest-fsfreeze-thaw"
            ),
            (
                [("guest-fsfreeze-freeze", false), ("guest-fsfreeze-thaw", true)], "frozen", .vmBusy,
                "somebody else has frozen the guest"
            ),
            ([("guest-ping", true)], nil, .agentRefuses, "has no guest-fsfreeze-freeze, guest-fsfreeze-thaw"),
            ([], nil, .agentRefuses, "has no"),
        ] as [([(String, Bool)], String?, ReasonCode?, String)])
    func refusal(commands: [(String, Bool)], state: String?, reason: ReasonCode?, words: String) throws {
        let obstacle = AgentRefusal(try Self.info(commands)) { state }.obstacle
        #expect(obstacle?.reason == reason)
        #expect(obstacle == nil || obstacle?.message.contains(words) == true, "\(obstacle?.message ?? "")")
        if reason == .agentRefuses, !commands.isEmpty, words.contains("allow") {
            let fix = try #require(obstacle?.fix)
            for place in ["BLACKLIST_RPC", "/etc/sysconfig/qemu-ga", "--block-rpcs", "/etc/qemu/qemu-ga.conf"] {
                #expect(fix.contains(place))
            }
        }
    }

    @Test(
        "gives a freeze that failed its word",
        arguments: [
            (
                Int32(VIR_ERR_INTERNAL_ERROR.rawValue),
                "The command guest-fsfreeze-freeze has been disabled for this instance", ReasonCode.agentRefuses
            ),
            (
                Int32(VIR_ERR_INTERNAL_ERROR.rawValue),
                "Command guest-fsfreeze-freeze has been disabled: the agent is in frozen state", .vmBusy
            ),
            (
                Int32(VIR_ERR_INTERNAL_ERROR.rawValue), "The command guest-fsfreeze-freeze has not been found",
                .agentRefuses
            ),
            (Int32(VIR_ERR_AGENT_UNRESPONSIVE.rawValue), "Guest agent is not responding", .agentSilent),
            (112, "guest agent command timed out", .agentSilent),
            (Int32(VIR_ERR_INTERNAL_ERROR.rawValue), "failed to freeze /mnt: Device or resource busy", .freezeFailed),
        ])
    func words(number: Int32, message: String, reason: ReasonCode) {
        let error = LibvirtError(number: number, message: message)
        #expect(error.reasonOfAgent == reason)
        #expect(HypervisorError.freezeFailed(error).reason == reason)
        #expect(HypervisorError.refused(error).reason == reason)
    }

    @Test("is read as far as an agent may say so much", arguments: [(200, true), (200_000, false)])
    func bounded(count: Int, isRead: Bool) throws {
        let command = "{\"enabled\":true,\"name\":\"x\"}"
        let list = Array(repeating: command, count: count).joined(separator: ",")
        let text = Array("{\"return\":{\"supported_commands\":[\(list)]}}".utf8)
        let info = text.withUnsafeBytes { try? AgentAnswer<AgentInfo>.read($0) }
        #expect((info != nil) == isRead)
    }
}
