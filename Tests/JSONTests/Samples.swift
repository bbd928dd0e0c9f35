import JSON

/// What a state file is made of: optionals, words, arrays, dictionaries, a set, types within types.
struct Sample: Codable, Equatable {
    enum Phase: String, Codable {
        case freezing, frozen
    }

    struct Disk: Codable, Equatable {
        var base: String
        var size: UInt64?
    }

    struct Hold: Codable, Equatable {
        var disks: [Disk]
        var owesThaw: Bool
    }

    struct Machine: Codable, Equatable {
        var name: Name
        var phase: Phase
        var hold: Hold?
        var notes: [String] = []
    }

    /// An enum with parts, which takes nested containers.
    enum Outcome: Codable, Equatable {
        case kept
        case lost(reason: String, after: Int)
    }

    var format = 1
    var machines: [Machine]
    var sizes: [String: Int64] = [:]
    var phases: [Int: [Phase?]] = [:]
    var tags: Set<String> = []
    var ratio: Double?
    var outcome: Outcome?

    static let web = Machine(
        name: Name("web01"), phase: .frozen,
        hold: Hold(disks: [Disk(base: "/tank/a b/é.raw", size: 1 << 40), Disk(base: "")], owesThaw: true))
    static let full = Sample(
        machines: [web, Machine(name: Name("db"), phase: .freezing, notes: ["a", "\"b\"\n"])],
        sizes: ["": -1, "tank/x@y": .max], phases: [3: [.frozen, nil], -1: []], tags: ["one", "two"], ratio: 0.1,
        outcome: .lost(reason: "no room", after: 3))
}

/// A plain string with a rule, like a dataset's name.
struct Name: Codable, Equatable {
    struct Refusal: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    let text: String

    init(_ text: String) { self.text = text }

    init(from decoder: any Decoder) throws {
        text = try decoder.singleValueContainer().decode(String.self)
        if text.contains(" ") { throw Refusal(description: "'\(text)' has a space") }
    }

    func encode(to encoder: any Encoder) throws {
        if text.isEmpty { throw Refusal(description: "no name") }
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// Two classes, one above the other.
class Animal: Codable {
    var legs = 4
}

final class Cat: Animal {
    private enum Key: CodingKey {
        case name
    }

    var name = "Tom"

    override init() { super.init() }

    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        name = try container.decode(String.self, forKey: .name)
        try super.init(from: container.superDecoder())
    }

    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .name)
        try super.encode(to: container.superEncoder())
    }
}

/// Text of a value, and the value of a text.
func written(_ value: some Encodable) throws -> String {
    String(decoding: try JSON.encode(value), as: UTF8.self)
}

func read<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
    try JSON.decode(type, from: Array(text.utf8))
}
