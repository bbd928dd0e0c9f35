/// A JSON value that is kept and given back, and never understood.
enum OpaqueJSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case real(Double)
    case string(String)
    case array([OpaqueJSON])
    case object([String: OpaqueJSON])
}

extension OpaqueJSON: Codable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let members = try? decoder.container(keyedBy: Key.self) {
            self = .object(
                try members.allKeys.reduce(into: [:]) {
                    $0[$1.stringValue] = try members.decodeIfPresent(OpaqueJSON.self, forKey: $1) ?? .null
                })
        } else if var elements = try? decoder.unkeyedContainer() {
            var values: [OpaqueJSON] = []
            while !elements.isAtEnd { values.append(try elements.decodeIfPresent(OpaqueJSON.self) ?? .null) }
            self = .array(values)
        } else {
            self = try Self.scalar(decoder.singleValueContainer())
        }
    }

    private static func scalar(_ value: any SingleValueDecodingContainer) throws -> OpaqueJSON {
        if value.decodeNil() { return .null }
        if let flag = try? value.decode(Bool.self) { return .bool(flag) }
        // Before the real one, which takes integers too.
        if let number = try? value.decode(Int64.self) { return .int(number) }
        if let number = try? value.decode(Double.self) { return .real(number) }
        return .string(try value.decode(String.self))
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .null: try single(encoder) { try $0.encodeNil() }
        case .bool(let value): try single(encoder) { try $0.encode(value) }
        case .int(let value): try single(encoder) { try $0.encode(value) }
        case .real(let value): try single(encoder) { try $0.encode(value) }
        case .string(let value): try single(encoder) { try $0.encode(value) }
        case .array(let values):
            var container = encoder.unkeyedContainer()
            for value in values { try container.encode(value) }
        case .object(let members):
            var container = encoder.container(keyedBy: Key.self)
            for (name, value) in members { try container.encode(value, forKey: Key(stringValue: name)) }
        }
    }

    private func single(
        _ encoder: any Encoder, _ body: (inout any SingleValueEncodingContainer) throws -> Void
    ) throws {
        var container = encoder.singleValueContainer()
        try body(&container)
    }
}
