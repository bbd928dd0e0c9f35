internal import JSON
internal import Storage

/// A JSON file with a format number, as everything in the state directory is kept.
enum StateFile {
    /// Reads a file; it is never changed.
    /// - Parameters:
    ///   - newest: the highest format that this Stillpoint knows.
    ///   - mend: what to do about a file that is damaged, and about one that is newer.
    /// - Throws: StateError `.damaged` or `.newerFormat`.
    static func read<Value: Decodable>(
        _ type: Value.Type, at path: String, newest: Int, mend: (damaged: String, newer: String)
    ) throws(StateError) -> Value {
        let bytes: [UInt8]
        do {
            bytes = try TrustedPath.content(of: path, limit: 64 << 20)
        } catch {
            throw StateError(code: .damaged, description: "cannot read \(path): \(error)", cause: error)
        }
        return try decode(type, bytes, from: path, newest: newest, mend: mend)
    }

    /// What a file's content says; `path` is for messages.
    /// - Throws: as `read`.
    static func decode<Value: Decodable>(
        _ type: Value.Type, _ bytes: [UInt8], from path: String, newest: Int, mend: (damaged: String, newer: String)
    ) throws(StateError) -> Value {
        if let format = try? JSON.decode(FormatOnly.self, from: bytes).format, format > newest {
            throw StateError(
                code: .newerFormat,
                description: "\(path) has format \(format), this Stillpoint knows \(newest); it was left alone: "
                    + mend.newer,
                cause: nil)
        }
        do {
            return try JSON.decode(type, from: bytes)
        } catch {
            throw StateError(
                code: .damaged,
                description: "\(path) is damaged (\(bytes.count) bytes; \(error)); it was left alone: \(mend.damaged)",
                cause: error)
        }
    }

    /// Replaces a file durably.
    /// - Throws: StateError `.notWritten`.
    static func write(_ value: some Encodable, to path: String) throws(StateError) {
        try write(to: path) { try text(value) }
    }

    static func write(to path: String, text: () throws -> [UInt8]) throws(StateError) {
        do {
            try replaceFile(at: path, with: text())
        } catch {
            throw StateError(code: .notWritten, description: "cannot write \(path): \(error)", cause: error)
        }
    }

    /// A value as it stands in such a file.
    static func text(_ value: some Encodable) throws -> [UInt8] {
        try JSON.encode(value)
    }

    private struct FormatOnly: Decodable {
        let format: Int
    }
}
