internal import Bounds
internal import CLibvirt
internal import Glibc
internal import Hypervisor
internal import JSON

extension Domain {
    private static let agentCommand = clibvirt_load_agent_command()

    /// What the guest's agent returns to a question that libvirt has no call for (virDomainQemuAgentCommand).
    ///
    /// libvirt notes of the domain, until it is started anew, that its agent was asked so ("tainted", custom-ga-command): so
    /// only `stillpoint check`, `plan` and dry runs do.
    /// - Parameter timeout: in whole seconds.
    /// - Returns: nil where this host's libvirt-qemu.so.0 is missing.
    func askAgent<Answer: Decodable>(
        _ question: String, _ type: Answer.Type, within timeout: Duration
    ) throws -> Answer? {
        guard let send = Self.agentCommand else { return nil }
        let seconds = Int32(clamping: max(1, timeout.components.seconds))
        guard let text = send(pointer, "{\"execute\":\"\(question)\"}", seconds, 0) else {
            throw library.lastError("asking the guest agent (\(question))")
        }
        defer { free(text) }
        return try AgentAnswer<Answer>.read(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }
}

/// As qemu-ga wraps it.
struct AgentAnswer<Answer: Decodable>: Decodable {
    private let `return`: Answer

    /// The guest wrote it, and many are asked at once: what libvirt lets pass, ten megabytes, may take hundreds to read.
    private static var budget: Budget { Budget(bytes: 256 << 10, nodes: 10_000, depth: 16) }

    /// - Throws: JSONError.
    static func read(_ text: UnsafeRawBufferPointer) throws(JSONError) -> Answer {
        // One byte more than is read tells that there are too many.
        try JSON.decode(Self.self, from: Array(text.prefix(budget.bytes + 1)), within: budget).return
    }
}

/// What qemu-ga answers to `guest-info`.
struct AgentInfo: Decodable, Sendable {
    struct Command: Decodable, Sendable {
        let name: String
        let enabled: Bool
    }

    let commands: [Command]

    private enum CodingKeys: String, CodingKey {
        case commands = "supported_commands"
    }

    /// Nil: the agent does not know the command.
    func isEnabled(_ name: String) -> Bool? { commands.first { $0.name == name }?.enabled }
}
