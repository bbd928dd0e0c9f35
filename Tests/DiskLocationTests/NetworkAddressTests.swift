import Testing

@testable import DiskLocation

@Suite("A network address")
struct NetworkAddressTests {
    @Test(
        "is compared by value, however it is written",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8:0:0::1"),
            ("fe80::1%vmk0", "fe80::1"), ("[2001:db8::1]", "2001:db8::1"), ("[fe80::1%eth0]", "fe80::1"),
        ])
    func equal(one: String, other: String) throws {
        #expect(try #require(NetworkAddress(one)) == #require(NetworkAddress(other)))
    }

    @Test(
        "differs from its neighbours",
        arguments: [("192.0.2.1", "192.0.2.10"), ("::1", "127.0.0.1"), ("::", "0.0.0.0")])
    func different(one: String, other: String) throws {
        #expect(try #require(NetworkAddress(one)) != #require(NetworkAddress(other)))
    }

    @Test("is no host's name", arguments: ["", "nas1", "192.0.2", "192.0.2.1.example.com", "1.2.3.4:2049", "%", "[]"])
    func names(text: String) {
        #expect(NetworkAddress(text) == nil)
    }

    @Test(
        "knows the loopback",
        arguments: [
            ("127.0.0.1", true), ("127.8.9.10", true), ("::1", true), ("::ffff:127.0.0.1", true), ("::2", false),
            ("128.0.0.1", false), ("::", false),
        ])
    func loopback(text: String, expected: Bool) throws {
        #expect(try #require(NetworkAddress(text)).isLoopback == expected)
    }

    @Test("is read from this machine's interfaces")
    func interfaces() {
        #expect(NetworkAddress.ofThisHost().contains { $0.isLoopback })
    }

    @Test("is found by name, and a limit that has passed is kept")
    func lookup() {
        #expect(NameLookup.addresses(of: "localhost", within: .seconds(10))?.contains { $0.isLoopback } == true)
        #expect(NameLookup.addresses(of: "localhost", within: .zero) == nil)
        #expect(NameLookup.addresses(of: "a b", within: .seconds(10)) == [])
    }
}
