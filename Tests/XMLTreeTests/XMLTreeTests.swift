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
            try XMLElement.parse("<a>" + String(repeating: "x", count: 100) + "</a>", limit: 50)
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
