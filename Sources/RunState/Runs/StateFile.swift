package import Bounds
internal import JSON
internal import Support

extension Budget {
    /// A run's or a restore point's file: a thousand VMs have a megabyte or two.
    static let stateFile = Budget.json
    /// A file about one VM, which may lie where others write.
    static let machineFile = Budget(bytes: 1 << 20, nodes: 50_000, depth: Budget.json.depth)
}

/// A JSON file with a format number, as everything in the state directory is kept.
package enum StateFile {
    /// Reads a file; it is never changed.
    /// - Parameters:
    ///   - newest: the highest format that this Stillpoint knows.
    ///   - budget: a file that takes more counts as damaged.
    ///   - fix: what to do about a file that is damaged, and about one that is newer.
    /// - Throws: StateError `.damaged` or `.newerFormat`.
    package static func read<Value: Decodable>(
        _ type: Value.Type, at path: String, newest: Int, within budget: Budget = .stateFile,
        fix: (damaged: String, newer: String)
    ) throws(StateError) -> Value {
        let bytes: [UInt8]
        do {
            bytes = try TrustedPath.content(of: path, limit: budget.bytes + 1)
        } catch {
            throw StateError(code: .damaged, description: "cannot read \(path): \(error)", cause: error)
        }
        return try decode(type, bytes, from: path, newest: newest, within: budget, fix: fix)
    }

    /// What a file's content says; `path` is for messages.
    /// - Throws: as `read`.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, _ bytes: [UInt8], from path: String, newest: Int, within budget: Budget = .stateFile,
        fix: (damaged: String, newer: String)
    ) throws(StateError) -> Value {
        let format: Int
        do throws(JSONError) {
            let text = try JSONText(bytes, within: budget)
            format = (try? text.decode(FormatOnly.self).format) ?? newest
            if format <= newest { return try text.decode(type) }
        } catch {
            throw StateError(
                code: .damaged,
                description: "\(path) is damaged (\(bytes.count) bytes; \(error)); it was not touched: \(fix.damaged)",
                cause: error)
        }
        throw StateError(
            code: .newerFormat,
            description: "\(path) has format \(format), this Stillpoint knows \(newest); it was not touched: "
                + fix.newer,
            cause: nil)
    }

    /// Replaces a file durably.
    /// - Throws: StateError `.notWritten`, also where it could not be read again within the budget.
    package static func write(
        _ value: some Encodable, to path: String, within budget: Budget = .stateFile
    ) throws(StateError) {
        try write(to: path, within: budget) { try text(value) }
    }

    static func write(
        to path: String, within budget: Budget = .stateFile, text: () throws -> [UInt8]
    ) throws(StateError) {
        do {
            let bytes = try text()
            try JSONText.check(bytes, within: budget)
            try replaceFile(at: path, with: bytes)
        } catch {
            throw StateError(code: .notWritten, description: "cannot write \(path): \(error)", cause: error)
        }
    }

    /// A value as it stands in such a file.
    package static func text(_ value: some Encodable) throws -> [UInt8] {
        try JSON.encode(value)
    }

    private struct FormatOnly: Decodable {
        let format: Int
    }
}
