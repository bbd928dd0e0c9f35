import JSON
import Testing

@Suite("A value and its JSON")
struct RoundTripTests {
    @Test("are the same thing", arguments: [Sample.full, Sample(machines: []), Sample(machines: [Sample.web])])
    func same(sample: Sample) throws {
        #expect(try JSON.decode(Sample.self, from: JSON.encode(sample)) == sample)
    }

    @Test("are indented, sorted and no more escaped than needed")
    func text() throws {
        let sample = Sample(machines: [Sample.web], sizes: ["b/c": 2, "a": 1], ratio: 0.5, outcome: .kept)
        let expected = #"""
            {
              "format": 1,
              "machines": [
                {
                  "hold": {
                    "disks": [
                      {
                        "base": "/tank/a b/é.raw",
                        "size": 1099511627776
                      },
                      {
                        "base": ""
                      }
                    ],
                    "owesThaw": true
                  },
                  "name": "web01",
                  "notes": [],
                  "phase": "frozen"
                }
              ],
              "outcome": {
                "kept": {}
              },
              "phases": {},
              "ratio": 0.5,
              "sizes": {
                "a": 1,
                "b/c": 2
              },
              "tags": []
            }
            """#
        #expect(try written(sample) == expected)
        #expect(try read(Sample.self, expected) == sample)
    }

    @Test("may be a bare scalar")
    func scalar() throws {
        #expect(try written("a") == "\"a\"")
        #expect(try written(7) == "7")
        #expect(try written(true) == "true")
        #expect(try written(Int?.none) == "null")
        #expect(try read(Int?.self, " null\n") == nil)
        #expect(try read(Bool.self, "false") == false)
    }

    static let strings = [
        "", " ", "a", "\"", "\\", "/", "\u{0}", "a\u{0}b\u{0}", "\n\r\t\u{8}\u{C}", "\u{1}\u{1F}\u{7F}\u{80}", "é",
        "e\u{301}", "👩‍👩‍👧‍👦", "\u{2028}\u{2029}", "\u{FEFF}", "\u{FFFE}\u{FFFF}\u{10FFFF}", "null", "\\u0041",
        String(repeating: "long ", count: 100_000),
    ]

    @Test("have the same text, whatever is in it", arguments: strings)
    func string(text: String) throws {
        let value = try JSON.decode(String.self, from: JSON.encode(text))
        #expect(value.unicodeScalars.elementsEqual(text.unicodeScalars))
        guard !text.utf8.contains(0) else { return }
        #expect(try JSON.decode([String: Int].self, from: JSON.encode([text: 1])) == [text: 1])
    }

    @Test(
        "have the same real number",
        arguments: [0, -0.0, 0.1, 1, -2.5, 1e300, .pi, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1e15, 1e-7])
    func reals(number: Double) throws {
        #expect(try JSON.decode(Double.self, from: JSON.encode(number)).bitPattern == number.bitPattern)
        let single = Float(number)
        guard single.isFinite else { return }
        #expect(try JSON.decode(Float.self, from: JSON.encode(single)).bitPattern == single.bitPattern)
    }

    @Test("of a class and its superclass go together")
    func classes() throws {
        let cat = Cat()
        (cat.legs, cat.name) = (3, "Tim")
        let text = try written(cat)
        #expect(text == "{\n  \"name\": \"Tim\",\n  \"super\": {\n    \"legs\": 3\n  }\n}")
        let copy = try read(Cat.self, text)
        #expect(copy.legs == 3 && copy.name == "Tim")
    }

    @Test("grow together: many elements are no trouble")
    func large() throws {
        let numbers = Array(0..<50_000)
        #expect(try JSON.decode([Int].self, from: JSON.encode(numbers)) == numbers)
        let names = Dictionary(uniqueKeysWithValues: numbers.map { ("name \($0)", $0) })
        #expect(try JSON.decode([String: Int].self, from: JSON.encode(names)) == names)
    }
}
