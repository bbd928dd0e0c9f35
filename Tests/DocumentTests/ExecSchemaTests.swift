import Hypervisor
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import JSON
@testable import RunState

@Suite("docs/exec.schema.json")
struct ExecSchemaTests {
    private let schema: Schema

    init() throws { schema = try Schema(parsing: try readFile("\(Page.top)/docs/exec.schema.json")) }

    @Test("describes the examples of docs/exec.md")
    func examples() throws {
        let blocks = try Page("docs/exec.md").blocks.filter { $0.language == "json" }
        try #require(blocks.count == 2)
        for (block, name) in zip(blocks, ["request", "answer"]) {
            #expect(try schema.problems(of: Array(block.text.utf8), as: name) == [])
        }
        #expect(throws: Never.self) { try ExecAnswer(Array(blocks[1].text.utf8), to: .freeze) }
    }

    @Test("describes what a program is told", arguments: [ExecRequest.Action.freeze, .release, .recover])
    func requests(action: ExecRequest.Action) throws {
        let dataset = try DatasetName("tank/VM")
        let record = VMRecord(hypervisor: "local", id: "i", name: "n", datasets: [dataset])
        let run = Run(
            id: .make(), manager: "sanoid", targets: [dataset], recursiveTargets: [dataset],
            snapshots: [try SnapshotName("tank/VM@a")], phase: .freezing, machines: [record])
        let disk = Disk(target: "vda", chain: ["/tank/VM/a"], format: "raw")
        let machine = ExecRequest.Machine(record, disks: action == .freeze ? [disk] : nil)
        let state: OpaqueJSON? = action == .release ? .object(["a": .null]) : nil
        let request = ExecRequest(action, ExecRequest.Subject(run, machine), within: .seconds(3), state: state)
        #expect(try schema.problems(of: JSON.encode(request), as: "request") == [])
    }

    @Test("has the words that a program may claim, and every field of an answer")
    func answers() throws {
        let words = try #require(schema.definition("answer")["properties"]?["consistency"]?["enum"])
        let listed = if case .array(let elements) = words { elements } else { [] as [JSONValue] }
        let claims = listed.compactMap { if case .string(let word) = $0 { word } else { nil } }
        #expect(claims == ExecAnswer.claims.map(\.rawValue))
        for word in claims {
            let text = #"{"version":1,"consistency":"\#(word)","frozen":false,"state":1,"notes":["a"]}"#
            #expect(try schema.problems(of: Array(text.utf8), as: "answer") == [])
            #expect(try ExecAnswer(Array(text.utf8), to: .freeze).consistency?.rawValue == word)
        }
        #expect(try schema.problems(of: Array(#"{"version":2}"#.utf8), as: "answer") == ["version: another value"])
        #expect(try schema.problems(of: Array(#"{}"#.utf8), as: "answer") == ["version: missing"])
    }
}

/// As much of JSON Schema as the file has; a field that is not described is a problem here.
private struct Schema {
    private let root: JSONValue

    init(parsing bytes: [UInt8]) throws { root = try JSONValue(parsing: bytes, within: .json) }

    func definition(_ name: String) -> JSONValue { root["$defs"]?[name] ?? .null }

    func problems(of bytes: [UInt8], as name: String) throws -> [String] {
        problems(of: try JSONValue(parsing: bytes, within: .json), definition(name), at: "")
    }

    private func problems(of value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
        if case .string(let reference)? = schema["$ref"] {
            return problems(of: value, definition(String(reference.split(separator: "/").last ?? "")), at: place)
        }
        if let only = schema["const"], text(only) != text(value) { return ["\(place): another value"] }
        if case .array(let words)? = schema["enum"], !words.map(text).contains(text(value)) {
            return ["\(place): another word"]
        }
        if case .string(let type)? = schema["type"], type != kind(of: value) { return ["\(place): no \(type)"] }
        switch value {
        case .object(let members):
            // What is described by nothing is not looked into: `state`.
            guard let properties = schema["properties"] else { return [] }
            var found: [String] = []
            if case .array(let names)? = schema["required"] {
                found += names.compactMap {
                    if case .string(let name) = $0, members[name] == nil { "\(name): missing" } else { nil }
                }
            }
            for (name, member) in members {
                let inner = place.isEmpty ? name : "\(place).\(name)"
                found += properties[name].map { problems(of: member, $0, at: inner) } ?? ["\(inner): not described"]
            }
            return found
        case .array(let elements):
            return elements.flatMap { problems(of: $0, schema["items"] ?? .null, at: place + "[]") }
        default: return []
        }
    }

    private func text(_ value: JSONValue) -> String { "\(value)" }

    private func kind(of value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .int: "integer"
        case .real: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
