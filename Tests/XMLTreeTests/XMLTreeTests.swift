import Bounds
import Testing

@testable import XMLTree

@Suite("XML trees")
struct XMLTreeTests {
    @Test("A document is read into names, attributes, children and text")
    func reading() throws {
        let root = try XMLElement.parse(
            "<domain type='kvm'><name> web &lt;1&gt; </name><a><b n='1'/><b n='2'/></a></domain>")
        #expect(root.name == "domain")
        #expect(root["type"] == "kvm")
        #expect(root.first("name")?.text == "web <1>")
        #expect(root.first("a")?.children(named: "b").map { $0["n"] } == ["1", "2"])
        #expect(root.first("a", "missing") == nil)
    }

    @Test(
        "Text is given without the white space at its ends",
        arguments: [
            (" \n\t web 1 \r\n", "web 1"), ("é", "é"), ("\u{A0}é\u{301}\n", "\u{A0}é\u{301}"), (" \n ", ""), ("", ""),
        ])
    func trimmed(written: String, text: String) throws {
        #expect(try XMLElement.parse("<name>\(written)</name>").text == text)
    }

    @Test(
        "Any text survives writing and reading, in an element and in an attribute",
        arguments: ["plain", "a<b>&\"'c", "line\nbreak\ttab\rcr", "  spaces  ", "üñï 🦉", "]]>", "../../etc/x"])
    func roundTrip(_ text: String) throws {
        let written = XMLElement("e", ["a": text], children: [XMLElement("t", text: text)])
        let read = try XMLElement.parse(written.description)
        #expect(read == written)
    }

    @Test("Prefixes and namespace declarations stay as they were")
    func namespaces() throws {
        let text = "<domain xmlns:qemu=\"http://libvirt.org/schemas/domain/qemu/1.0\"><qemu:commandline/></domain>"
        #expect(try XMLElement.parse(text).description == text)
    }

    @Test(
        "What is not XML is refused with its line",
        arguments: [("", 1), ("<a>\n<b></a>", 2), ("<a/><b/>", 1), ("<a>\n\n&nope;</a>", 3), ("<a", 1)])
    func malformed(_ text: String, _ line: Int) {
        let error = #expect(throws: XMLError.self) { try XMLElement.parse(text) }
        #expect(error?.line == line)
    }

    @Test("An entity bomb is refused")
    func entityBomb() {
        var text = "<!DOCTYPE b [<!ENTITY e0 \"0123456789\">"
        for level in 1...12 {
            text += "<!ENTITY e\(level) \"" + String(repeating: "&e\(level - 1);", count: 10) + "\">"
        }
        text += "]><b>&e12;</b>"
        #expect(throws: XMLError.self) { try XMLElement.parse(text) }
    }

    @Test("A document over the limit is refused unread")
    func limit() {
        #expect(throws: XMLError.self) {
            try XMLElement.parse("<a>" + String(repeating: "x", count: 100) + "</a>", within: Budget(bytes: 50))
        }
    }

    @Test("Setting an attribute replaces it, adds it, or removes it with nil")
    func attributes() {
        var element = XMLElement("e", ["a": "1"])
        element["a"] = "2"
        element["b"] = "3"
        #expect(element.description == "<e a=\"2\" b=\"3\"/>")
        element["a"] = nil
        #expect(element.description == "<e b=\"3\"/>")
    }
}

@Suite("XML of servers")
struct NamespaceTests {
    private let home = "urn:home"

    @Test("Names are the same whichever prefixes the server chose")
    func prefixes() throws {
        let plain = try XMLElement.parse(
            Array("<a xmlns='urn:home' xmlns:x='urn:other'><x:b x:t='1' n='2'/></a>".utf8), namespace: home)
        let prefixed = try XMLElement.parse(
            Array("<h:a xmlns:h='urn:home'><b xmlns='urn:other' xmlns:o='urn:other' o:t='1' n='2'/></h:a>".utf8),
            namespace: home)
        #expect(plain == prefixed)
        #expect(plain.name == "a")
        #expect(plain.first("{urn:other}b")?["{urn:other}t"] == "1")
        #expect(plain.first("{urn:other}b")?["n"] == "2")
    }

    @Test("A name of no namespace is plain, one of a namespace that only begins like ours is not")
    func neighbours() throws {
        let read = try XMLElement.parse(
            Array("<a><b xmlns='urn:home2'/><c xmlns='urn:hom'/></a>".utf8), namespace: home)
        #expect(read.children.map(\.name) == ["{urn:home2}b", "{urn:hom}c"])
    }

    @Test(
        "What would cost too much, or is cut off, is refused",
        arguments: [
            String(repeating: "<a>", count: 100_000), "<!DOCTYPE a><a/>", "<a><b></a>", "<a", "", "<x:a/>",
            "<a>\u{0}</a>",
        ])
    func refused(_ text: String) {
        #expect(throws: XMLError.self) { try XMLElement.parse(Array(text.utf8), namespace: home) }
    }
}
