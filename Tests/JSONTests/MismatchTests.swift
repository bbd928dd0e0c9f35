import JSON
import Testing

@Suite("JSON of another type")
struct MismatchTests {
    private static func machine(_ fields: String) -> String { "{\"format\": 1, \"machines\": [{\(fields)}]}" }

    @Test(
        "is refused with the place",
        arguments: [
            ("null", .missing, "must be an object and is null"),
            ("[]", .mismatch, "must be an object and is an array"),
            ("{}", .missing, "format: is missing"),
            ("{\"format\": \"1\"}", .mismatch, "format: must be an integer and is a string"),
            ("{\"format\": 1.0}", .mismatch, "format: must be an integer and is a real number"),
            ("{\"format\": true}", .mismatch, "format: must be an integer and is true"),
            ("{\"format\": null}", .missing, "format: must be an integer and is null"),
            ("{\"format\": 1, \"machines\": {}}", .mismatch, "machines: must be an array and is an object"),
            ("{\"format\": 1, \"machines\": [1]}", .mismatch, "machines[0]: must be an object and is an integer"),
            (machine("\"name\": 1"), .mismatch, "machines[0].name: must be a string and is an integer"),
            (
                machine("\"name\": \"a\", \"phase\": \"dancing\""), .invalid,
                "machines[0].phase: Cannot initialize Phase from invalid String value dancing"
            ),
            (
                machine(
                    "\"name\": \"a\", \"phase\": \"frozen\", \"hold\": {\"disks\": [{\"base\": \"\"}, {\"base\": 0}]}"),
                .mismatch, "machines[0].hold.disks[1].base: must be a string and is an integer"
            ),
            (
                machine("\"name\": \"a\", \"phase\": \"frozen\", \"hold\": {\"disks\": [], \"owesThaw\": 1}"),
                .mismatch,
                "machines[0].hold.owesThaw: must be true or false and is an integer"
            ),
            (
                "{\"format\": 1, \"machines\": [], \"sizes\": {\"a b\": []}}", .mismatch,
                "sizes[\"a b\"]: must be an integer and is an array"
            ),
        ] as [(String, JSONError.Code, String)])
    func refused(text: String, code: JSONError.Code, description: String) throws {
        let error = try #require(throws: JSONError.self) { try read(Sample.self, text) }
        #expect(error.code == code)
        #expect(error.description == description)
        #expect(error.line == 0 && error.column == 0)
        #expect(error.cause is DecodingError)
    }

    @Test("is fine where a value may be null or missing")
    func optional() throws {
        let text = Self.machine("\"name\": \"a\", \"phase\": \"frozen\", \"hold\": null, \"notes\": [], \"more\": 1")
        let full = text.dropLast() + ", \"sizes\": {}, \"phases\": {\"1\": [null]}, \"tags\": [\"a\", \"a\"]}"
        let sample = try read(Sample.self, String(full))
        #expect(sample.machines.first?.hold == nil)
        #expect(sample.phases == [1: [nil]])
        #expect(sample.tags == ["a"])
    }

    @Test("carries the error that the type itself throws")
    func cause() throws {
        let error = try #require(throws: JSONError.self) {
            try read([String: [Name]].self, "{\"x\": [\"a\", \"b c\"]}")
        }
        #expect(error.code == .invalid)
        #expect(error.description == "x[1]: 'b c' has a space")
        #expect(error.cause as? Name.Refusal == Name.Refusal(description: "'b c' has a space"))
    }

    @Test("carries the error that the type itself throws when it is written")
    func causeOfWriting() throws {
        let error = try #require(throws: JSONError.self) { try JSON.encode([[Name("a")], [Name("")]]) }
        #expect(error.code == .unwritable)
        #expect(error.description == "[1][0]: no name")
        #expect(error.cause is Name.Refusal)
    }

    @Test("is refused without reading what follows the last element")
    func exhausted() throws {
        struct Pair: Decodable {
            let second: Int

            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                _ = try container.decode(Int.self)
                second = try container.decode(Int.self)
            }
        }
        #expect(try read(Pair.self, "[1, 2]").second == 2)
        let error = try #require(throws: JSONError.self) { try read(Pair.self, "[1]") }
        #expect(error.code == .missing)
        #expect(error.description == "[1]: is missing")
    }
}
