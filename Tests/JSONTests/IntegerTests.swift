import JSON
import Testing

@Suite("An integer in JSON")
struct IntegerTests {
    @Test("fits into its type up to the limits and not beyond")
    func limits() throws {
        try check(Int8.self, "-128", "127", beyond: "-129", "128")
        try check(Int16.self, "-32768", "32767", beyond: "-32769", "32768")
        try check(Int32.self, "-2147483648", "2147483647", beyond: "-2147483649", "2147483648")
        try check(Int64.self, "-9223372036854775808", "9223372036854775807", beyond: nil)
        try check(Int.self, "-9223372036854775808", "9223372036854775807", beyond: nil)
        try check(UInt8.self, "0", "255", beyond: "-1", "256")
        try check(UInt16.self, "0", "65535", beyond: "-1", "65536")
        try check(UInt32.self, "0", "4294967295", beyond: "-1", "4294967296")
        try check(UInt64.self, "0", "9223372036854775807", beyond: "-1")
        try check(UInt.self, "0", "9223372036854775807", beyond: "-1")
        try check(Int128.self, "-9223372036854775808", "9223372036854775807", beyond: nil)
        try check(UInt128.self, "0", "9223372036854775807", beyond: "-1")
    }

    private func check<Value: FixedWidthInteger & Codable>(
        _ type: Value.Type, _ lowest: String, _ highest: String, beyond: String?...
    ) throws {
        for text in [lowest, highest] {
            let value = try #require(try read([Value].self, "[\(text)]").first)
            #expect("\(value)" == text)
            #expect(try written(value) == text)
        }
        for text in beyond.compactMap(\.self) {
            let error = #expect(throws: JSONError.self) { try read([Value].self, "[\(text)]") }
            #expect(error?.code == .invalid)
            #expect(error?.description == "[0]: \(text) is not from \(Value.min) to \(Value.max)")
        }
    }

    @Test("of more than 64 bits is refused by the reader", arguments: ["9223372036854775808", "-9223372036854775809"])
    func tooLargeToRead(text: String) {
        let error = #expect(throws: JSONError.self) { try read(UInt64.self, text) }
        #expect(error?.code == .syntax)
    }

    @Test("of more than 64 bits with sign cannot be written")
    func tooLargeToWrite() {
        let error = #expect(throws: JSONError.self) { try JSON.encode(["size": UInt64(Int64.max) + 1]) }
        #expect(error?.code == .unwritable)
        #expect(error?.description == "size: 9223372036854775808 does not fit into 64 bits with sign")
        #expect(error?.cause is EncodingError)
        #expect(throws: JSONError.self) { try JSON.encode(UInt.max) }
        #expect(throws: JSONError.self) { try JSON.encode(Int128.min) }
        #expect(throws: JSONError.self) { try JSON.encode(UInt128.max) }
    }

    @Test("is a real number where one is asked for")
    func real() throws {
        #expect(try read([Double].self, "[1, -1.5]") == [1, -1.5])
    }
}
