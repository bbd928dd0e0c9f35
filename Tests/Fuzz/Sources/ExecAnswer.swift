import Hypervisor
import Support

@testable import Engine
@testable import JSON

/// What the program of `exec:PATH` answers: a claim is one that it may make, and what is kept or shown of it is bounded.
func fuzzExecAnswer(_ bytes: [UInt8]) {
    do throws(ExecAnswerError) {
        let answer = try ExecAnswer(bytes, to: .freeze)
        invariant(bytes.count <= ExecAnswer.mostBytes, "a long answer is taken")
        invariant(answer.consistency.map(ExecAnswer.claims.contains) == true, "a claim that no program may make")
        invariant(answer.notes.count <= 20, "there are too many notes")
        for note in answer.notes {
            invariant(!note.unicodeScalars.contains("\n") && note.utf8.count <= 1300, "a note is no line")
        }
        guard let state = answer.state else { return }
        invariant(state.utf8.count <= ExecAnswer.mostState, "the state is too long")
        guard let kept = try? JSON.decode(OpaqueJSON.self, from: Array(state.utf8)), let again = try? JSON.encode(kept)
        else { return invariant(false, "the state cannot be given back") }
        invariant(again == Array(state.utf8), "the state is given back otherwise")
    } catch {
        invariant(!error.description.unicodeScalars.contains("\n"), "an error has several lines")
    }
}
