import Bounds
import JSON
import Synchronization
import TestSupport
import Testing

@Suite("The cost of a text")
struct BudgetTests {
    @Test(
        "that ends the process by nesting is refused at once",
        arguments: ["[", "{\"a\":", "[[],", "[\"[\\\"\",", "[{\"a\":1},"])
    func nesting(piece: String) throws {
        let bytes = Array(String(repeating: piece, count: 300_000).utf8)
        let refusal = Mutex("")
        let time = onSmallStack {
            do throws(JSONError) {
                _ = try JSON.decode([Int].self, from: bytes)
            } catch {
                refusal.withLock { $0 = "\(error.code): \(error)" }
            }
        }
        #expect(refusal.withLock { $0 } == "too large: it is nested more than 64 deep")
        #expect(time < .milliseconds(200))
    }

    @Test("of a bomb is seen before anything is built", arguments: ["{}", "[]", "0", "\"\"", "{\"\":0}"])
    func bombs(value: String) throws {
        let bytes = Array("[\(String(repeating: value + ",", count: 600_000))0]".utf8)
        let time = processorTime {
            let error = #expect(throws: JSONError.self) { try JSONText(bytes) }
            #expect(error?.description == "it has more than 500000 parts")
        }
        #expect(time < .seconds(1))
    }

    @Test("counts no brackets and commas within strings")
    func strings() throws {
        let text = String(repeating: "[{,\\\"\\\\", count: 2000)
        let bytes = Array("[\"\(text)\", \"\(text)\"]".utf8)
        #expect(try JSON.decode([String].self, from: bytes, within: Budget(nodes: 4, depth: 1)).count == 2)
        #expect(throws: JSONError.self) {
            try JSON.decode([String].self, from: bytes, within: Budget(nodes: 2, depth: 1))
        }
    }

    @Test("of bytes is bounded too")
    func bytes() throws {
        let bytes = Array("[1]".utf8)
        #expect(try JSON.decode([Int].self, from: bytes, within: Budget(bytes: 3)) == [1])
        let error = #expect(throws: JSONError.self) {
            try JSON.decode([Int].self, from: bytes, within: Budget(bytes: 2))
        }
        #expect(error?.code == .tooLarge)
    }

    @Test("is no reason to take brackets that close nothing for JSON", arguments: ["]]]]", "]", "}{", "[1]]"])
    func closing(text: String) {
        let error = #expect(throws: JSONError.self) { try JSON.decode([Int].self, from: Array(text.utf8)) }
        #expect(error?.code == .syntax)
    }
}
