internal import Bounds
internal import Hypervisor
internal import JSON
internal import Support

/// What a program of the administrator's own answers as JSON on its standard output (docs/exec.md).
///
/// Fields that are not known here are passed over: a later version may have more.
struct ExecAnswer: Sendable, Equatable {
    /// What the snapshot will hold; after a release, what it holds at most. Nil: nothing is said of it.
    let consistency: Consistency?
    /// Whether the guest or the application stands still until the release.
    let isFrozen: Bool
    /// The program's own, for its `release`: JSON text of ``mostState`` bytes at most; nil where it has none.
    let state: String?
    /// What an administrator should know.
    let notes: [String]

    /// Bytes of an answer, and of the state in it.
    static let (mostBytes, mostState) = (64 << 10, 16 << 10)
    private static let mostNotes = 20
    private static let budget = Budget(bytes: mostBytes, nodes: 4096, depth: 16)
    /// What a program may claim: that RAM was dumped it cannot show, and a VM is `stale` for reasons of ours.
    static let claims: [Consistency] = [.quiesced, .off, .crash]

    private struct Text: Decodable {
        let version: Int
        let consistency: String?
        let frozen: Bool?
        let state: OpaqueJSON?
        let notes: [String]?
    }

    /// - Throws: ``ExecAnswerError``.
    init(_ bytes: [UInt8], to action: ExecRequest.Action) throws(ExecAnswerError) {
        let text: Text
        do throws(JSONError) {
            text = try JSON.decode(Text.self, from: bytes, within: Self.budget)
        } catch {
            let what =
                bytes.isEmpty ? "it answered nothing" : "its answer is not the JSON that was asked for (\(error))"
            throw ExecAnswerError(description: what)
        }
        guard text.version == ExecRequest.version else {
            let (theirs, ours) = (text.version, ExecRequest.version)
            throw ExecAnswerError(description: "its answer is of version \(theirs), and this program speaks \(ours)")
        }
        consistency = try text.consistency.map { word throws(ExecAnswerError) in try Self.claim(word) }
        guard action != .freeze || consistency != nil else {
            throw ExecAnswerError(description: "its answer does not say which consistency it has reached")
        }
        isFrozen = text.frozen ?? false
        state = try Self.text(of: text.state)
        notes = (text.notes ?? []).prefix(Self.mostNotes).map { printable($0, limit: 300) }
    }

    private static func claim(_ word: String) throws(ExecAnswerError) -> Consistency {
        guard let claim = Consistency(rawValue: word), claims.contains(claim) else {
            let known = claims.map(\.rawValue).joined(separator: ", ")
            throw ExecAnswerError(description: "it claims '\(printable(word))'; a program may claim: \(known)")
        }
        return claim
    }

    private static func text(of state: OpaqueJSON?) throws(ExecAnswerError) -> String? {
        guard let state, state != .null else { return nil }
        guard let bytes = try? JSON.encode(state), bytes.count <= mostState else {
            throw ExecAnswerError(description: "its state is larger than \(mostState) bytes")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Why an answer is none; says it of the program: `its answer is of version 2…`.
struct ExecAnswerError: Error, Sendable, CustomStringConvertible {
    let description: String
}
