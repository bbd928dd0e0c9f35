import JSON
import Testing
import ZFS

@Suite("Names in JSON")
struct CodingTests {
    @Test("are plain strings")
    func plain() throws {
        let names = [try SnapshotName("tank/VM@a b")]
        let bytes = try JSON.encode(names)
        #expect(String(decoding: bytes, as: UTF8.self) == "[\n  \"tank/VM@a b\"\n]")
        #expect(try JSON.decode([SnapshotName].self, from: bytes) == names)
        let dataset = try JSON.encode(try DatasetName("tank"))
        #expect(String(decoding: dataset, as: UTF8.self) == "\"tank\"")
    }

    @Test("are checked when they are read", arguments: ["[\"tank//x\"]", "[\"\"]"])
    func checked(text: String) {
        let error = #expect(throws: JSONError.self) { try JSON.decode([DatasetName].self, from: Array(text.utf8)) }
        #expect(error?.path == "[0]")
        #expect(error?.cause is NameError)
    }

    @Test("are no numbers")
    func number() {
        let error = #expect(throws: JSONError.self) { try JSON.decode([DatasetName].self, from: Array("[1]".utf8)) }
        #expect(error?.code == .mismatch)
    }
}
