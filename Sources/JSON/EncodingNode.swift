/// A place that an encoder fills; a class, as a container may be written to after its parent was left.
final class EncodingNode {
    private enum Kind {
        case empty, scalar, array, object
        /// The type asked for two different containers.
        case conflict
    }

    // The parts stand side by side and not in the enum: there each append would copy the array.
    private var kind = Kind.empty
    private var scalar = JSONValue.null
    private var elements: [EncodingNode] = []
    private var members: [String: EncodingNode] = [:]

    var count: Int { elements.count }

    func fill(_ value: JSONValue) {
        become(.scalar)
        scalar = value
    }

    func becomeArray() { become(.array) }
    func becomeObject() { become(.object) }

    func append() -> EncodingNode {
        let slot = EncodingNode()
        elements.append(slot)
        return slot
    }

    /// A member's place; what was written to it before is lost.
    func replace(_ key: any CodingKey) -> EncodingNode {
        let slot = EncodingNode()
        members[key.stringValue] = slot
        return slot
    }

    /// A member's place with what is there, as containers for one key are one.
    func reuse(_ key: any CodingKey) -> EncodingNode {
        members[key.stringValue] ?? replace(key)
    }

    private func become(_ new: Kind) {
        kind = kind == .empty || kind == new ? new : .conflict
    }

    /// What was written; a type that wrote nothing is an empty object.
    func value(at path: [any CodingKey]) throws(JSONError) -> JSONValue {
        guard path.count < JSONValue.deepest else { throw JSONError(.unwritable, tooDeepMessage, at: []) }
        switch kind {
        case .empty: return .object([:])
        case .scalar: return scalar
        case .conflict: throw JSONError(.unwritable, "is written as two kinds of value at once", at: path)
        case .array:
            var values: [JSONValue] = []
            values.reserveCapacity(elements.count)
            for (index, element) in elements.enumerated() {
                values.append(try element.value(at: path + [PathKey(index: index)]))
            }
            return .array(values)
        case .object:
            var values = [String: JSONValue](minimumCapacity: members.count)
            for (key, member) in members {
                let path = path + [PathKey(key)]
                // jansson would write it and then not read it.
                guard !key.utf8.contains(0) else { throw JSONError(.unwritable, "the key contains U+0000", at: path) }
                values[key] = try member.value(at: path)
            }
            return .object(values)
        }
    }
}

let tooDeepMessage = "is nested more than \(JSONValue.deepest) deep"
