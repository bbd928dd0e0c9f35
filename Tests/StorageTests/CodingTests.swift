import FoundationEssentials
import Storage
import Testing

@Suite("Names in JSON")
struct CodingTests {
    @Test("are plain strings")
    func plain() throws {
        let names = [try SnapshotName("tank/VM@a b")]
        let data = try JSONEncoder().encode(names)
        #expect(String(decoding: data, as: UTF8.self).replacing("\\/", with: "/") == "[\"tank/VM@a b\"]")
        #expect(try JSONDecoder().decode([SnapshotName].self, from: data) == names)
        let dataset = try JSONEncoder().encode([try DatasetName("tank")])
        #expect(String(decoding: dataset, as: UTF8.self) == "[\"tank\"]")
    }

    @Test("are checked when they are read", arguments: ["[\"tank//x\"]", "[\"\"]", "[1]"])
    func checked(text: String) {
        #expect(throws: (any Error).self) { try JSONDecoder().decode([DatasetName].self, from: Data(text.utf8)) }
    }
}
