import FoundationEssentials
import JSON
import Testing

@Suite("Foundation's JSON and ours")
struct FoundationTests {
    @Test("read each other's values", arguments: [Sample.full, Sample(machines: [])])
    func values(sample: Sample) throws {
        #expect(try JSONDecoder().decode(Sample.self, from: Data(JSON.encode(sample))) == sample)
        #expect(try JSON.decode(Sample.self, from: Array(JSONEncoder().encode(sample))) == sample)
    }

    @Test("read each other's strings", arguments: RoundTripTests.strings)
    func string(text: String) throws {
        let ours = try JSONDecoder().decode([String].self, from: Data(JSON.encode([text])))
        let theirs = try JSON.decode([String].self, from: Array(JSONEncoder().encode([text])))
        for value in ours + theirs {
            #expect(value.unicodeScalars.elementsEqual(text.unicodeScalars))
        }
    }

    @Test("read each other's numbers", arguments: [0, 0.1, -2.5, 1e300, .pi, .leastNonzeroMagnitude, 1e15])
    func reals(number: Double) throws {
        #expect(try JSONDecoder().decode([Double].self, from: Data(JSON.encode([number]))) == [number])
        #expect(try JSON.decode([Double].self, from: Array(JSONEncoder().encode([number]))) == [number])
        let (low, high) = ([Int64.min], [Int64.max])
        #expect(try JSONDecoder().decode([Int64].self, from: Data(JSON.encode(low + high))) == low + high)
        #expect(try JSON.decode([Int64].self, from: Array(JSONEncoder().encode(low + high))) == low + high)
    }

    @Test("have a class and its superclass in the same places")
    func classes() throws {
        #expect(try JSONDecoder().decode(Cat.self, from: Data(JSON.encode(Cat()))).legs == 4)
        #expect(try JSON.decode(Cat.self, from: Array(JSONEncoder().encode(Cat()))).name == "Tom")
    }
}
