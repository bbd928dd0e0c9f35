import Engine
import Testing

@testable import Hooks
@testable import JSON
@testable import Operator
@testable import RunState

@Suite("docs/json.md")
struct JSONReferenceTests {
    /// In the order of the page.
    enum Document: String, Sendable, CaseIterable {
        case listing = "`list --json` and `show --json`"
        case plan = "`plan --json`"
        case check = "`check --json`"
        case status = "`status --json`"
        case explanation = "`explain --json`"
        case report = "The report of a run"
        case run = "The state file"
        case restorePoint = "The restore point and the side-car"
        case definition = "`machine.json`"
        case seal = "`seal`"
        case key = "`trust --show`"
    }

    private static let columns = ["field", "type", "unit", "there", "since", "meaning"]

    @Test("has every field of every object, with its type and with when it is there", arguments: Document.allCases)
    func fields(_ document: Document) throws {
        switch document {
        case .listing: try check([ListedVM].self, document)
        case .plan: try check([PlanEntry].self, document)
        case .check: try check(CheckReport.self, document)
        case .status: try check(StatusReport.self, document)
        case .explanation: try check(ExplainReport.self, document)
        case .report: try check(RunReport.self, document)
        case .run: try check(Run.self, document)
        case .restorePoint: try check(RestorePoint.self, document)
        case .definition: try check(SavedDefinition.self, document)
        case .seal: try check(Seal.self, document)
        case .key: try check(SealKeys.Exported.self, document)
        }
    }

    private func check<Value: Codable>(_ type: Value.Type, _ document: Document) throws {
        let page = try Page("docs/json.md")
        let place = try #require(Document.allCases.firstIndex(of: document))
        let examples = page.blocks.filter { $0.language == "json" }
        try #require(examples.count == Document.allCases.count)
        let example = try JSONValue(parsing: Array(examples[place].text.utf8), within: .json)
        let value = try JSON.decode(Value.self, from: text(of: example))
        #expect(try JSON.encode(value) == text(of: example), "the example is not what would be written")
        let unset = Unset(in: value)
        #expect(unset.names.isEmpty, "the example does not show \(unset.names.sorted())")

        let tables = page.tables.filter { $0.headings.dropFirst().first == document.rawValue }
        let paths = Set(tables.map { $0.headings.count > 2 ? $0.headings[2].filter { $0 != "`" } : "" })
        #expect(paths == Set(example.objects.map(\.path)), "objects")
        for table in tables {
            let path = table.headings.count > 2 ? table.headings[2].filter { $0 != "`" } : ""
            #expect(table.columns == Self.columns)
            let objects = example.objects.filter { $0.path == path }.map(\.members)
            let members = objects.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
            #expect(table.rows.map { $0[0] } == members.keys.sorted().map { "`\($0)`" }, "\(path)")
            for row in table.rows {
                let name = row[0].filter { $0 != "`" }
                #expect(
                    row.count == Self.columns.count && row[4] == stillpointVersion && !row[5].isEmpty, "\(path) \(name)"
                )
                #expect(members[name]?.documentedKind == row[1], "\(path) \(name)")
                // Of older versions; it is always written.
                if name == "pausedByUs" { continue }
                let without = try text(of: example.removing(name, at: path))
                let isRequired = (try? JSON.decode(Value.self, from: without)) == nil
                #expect(row[3].hasPrefix("always") == isRequired, "\(path) \(name)")
            }
        }
    }
}

/// The properties that are nil in every value of their type.
private struct Unset {
    /// Those that only older versions wrote.
    private static let old: Set<String> = ["OverlayDisk.isPivotAsked"]

    private var isSet: Set<String> = []
    private var isNil: Set<String> = []

    var names: Set<String> { isNil.subtracting(isSet).subtracting(Self.old) }

    init(in value: Any) { visit(value) }

    private mutating func visit(_ value: Any) {
        let mirror = Mirror(reflecting: value)
        for child in mirror.children {
            let name = "\(mirror.subjectType).\(child.label ?? "")"
            let inner = Mirror(reflecting: child.value)
            guard mirror.displayStyle == .struct, inner.displayStyle == .optional else {
                visit(child.value)
                continue
            }
            if let some = inner.children.first {
                isSet.insert(name)
                visit(some.value)
            } else {
                isNil.insert(name)
            }
        }
    }
}

extension JSONValue {
    /// Every object in it: `machines[].hold`, the outermost one without a name.
    fileprivate var objects: [(path: String, members: [String: JSONValue])] { objects(at: "") }

    private func objects(at path: String) -> [(path: String, members: [String: JSONValue])] {
        switch self {
        case .object(let members):
            [(path, members)]
                + members.flatMap { name, value in value.objects(at: path.isEmpty ? name : "\(path).\(name)") }
        case .array(let elements): elements.flatMap { $0.objects(at: path + "[]") }
        default: []
        }
    }

    /// The same without a member of the objects there.
    fileprivate func removing(_ name: String, at place: String, from path: String = "") -> JSONValue {
        switch self {
        case .object(var members):
            if path == place { members[name] = nil }
            return .object(
                members.reduce(into: [:]) { result, member in
                    let below = path.isEmpty ? member.key : "\(path).\(member.key)"
                    result[member.key] = member.value.removing(name, at: place, from: below)
                })
        case .array(let elements):
            return .array(elements.map { $0.removing(name, at: place, from: path + "[]") })
        default: return self
        }
    }

    /// As the tables write it; an empty list has strings.
    fileprivate var documentedKind: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .int: "integer"
        case .real: "number"
        case .string: "string"
        case .array(let elements): if case .object? = elements.first { "list of objects" } else { "list of strings" }
        case .object: "object"
        }
    }
}
