import Glibc
import TestSupport
import Testing

@testable import JSON

/// What the programs themselves say that they take: those that are built beside the tests.
struct Programs: Sendable {
    static let hooks = ["pre-snapshot", "post-snapshot", "prune-snapshot"]

    /// Of each command of `stillpoint`, by its name, and of each hook.
    let options: [String: Set<String>]
    let commands: Set<String>

    static let ours = Result { try Programs() }

    var allOptions: Set<String> { options.values.reduce(into: []) { $0.formUnion($1) } }

    private init() throws {
        let dump = try Self.output("stillpoint", "--experimental-dump-help")
        let root = try #require(try JSONValue(parsing: Array(dump.utf8), within: .json)["command"])
        let general = Self.options(of: root).union(["--help", "-h", "--generate-completion-script"])
        var options = ["stillpoint": general]
        var commands: Set<String> = []
        for command in root["subcommands"]?.elements ?? [] {
            // One that is hidden is for our own programs.
            if case .bool(false)? = command["shouldDisplay"] { continue }
            guard let name = command["commandName"]?.asText else { continue }
            commands.insert(name)
            options[name] = Self.options(of: command).union(["--help", "-h", "--version"])
        }
        for hook in Self.hooks {
            options[hook] = Set(
                try Self.output(hook, "--help").matches(of: /(?:^|[\s\[,])(--?[a-z][a-z-]*)/).map { String($0.1) })
        }
        (self.options, self.commands) = (options, commands)
    }

    private static func options(of command: JSONValue) -> Set<String> {
        var found: Set<String> = []
        for argument in command["arguments"]?.elements ?? [] {
            // What our own programs alone say.
            if case .bool(false)? = argument["shouldDisplay"] { continue }
            for name in argument["names"]?.elements ?? [] {
                guard let text = name["name"]?.asText else { continue }
                found.insert((name["kind"]?.asText == "short" ? "-" : "--") + text)
            }
        }
        return found
    }

    /// Where the tests and the programs were built.
    static var folder: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return own.split(separator: "/").dropLast().map { "/" + $0 }.joined()
    }

    private static func output(_ program: String, _ argument: String) throws -> String {
        let said = try shell("'\(folder)/\(program)' \(argument)")
        try #require(said.status == 0 && !said.output.isEmpty, "\(program) \(argument): \(said.output)")
        return said.output
    }
}

/// Runs a command of at most a minute; what it says on both streams, and its exit status.
func shell(_ command: String, input: String = "") throws -> (output: String, status: Int32) {
    try withScratchFolder { scratch in
        let file = try scratch.write("input", input)
        let script = try scratch.write("script", command)
        let stream = try #require(popen("timeout 60 bash '\(script)' <'\(file)' 2>&1", "re"))
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&piece, 1, piece.count, stream), count > 0 { bytes += piece[..<count] }
        let status = pclose(stream)
        return (String(decoding: bytes, as: UTF8.self), status >> 8 & 0xff)
    }
}

extension JSONValue {
    subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var elements: [JSONValue] {
        if case .array(let elements) = self { elements } else { [] }
    }

    var asText: String? {
        if case .string(let text) = self { text } else { nil }
    }
}
