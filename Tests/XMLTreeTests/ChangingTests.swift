import Testing
import XMLTree

@Suite("Changing an element")
struct ChangingTests {
    private let root = try? XMLElement.parse("<a> x <b n='1'/>y<c/><b n='2'/></a>")

    @Test("reaches all children, or those of a name, where they stand")
    func change() throws {
        var element = try #require(root)
        element.change("b") { $0["n"] = "9" }
        #expect(element.description == "<a> x <b n=\"9\"/>y<c/><b n=\"9\"/></a>")
        element.change { $0.name += "s" }
        #expect(element.description == "<a> x <bs n=\"9\"/>y<cs/><bs n=\"9\"/></a>")
    }

    @Test("removes the unwanted ones only")
    func remove() throws {
        var element = try #require(root)
        element.remove("b") { $0["n"] == "2" }
        #expect(element.description == "<a> x <b n=\"1\"/>y<c/></a>")
        element.remove("b")
        element.remove("none")
        #expect(element.description == "<a> x y<c/></a>")
    }

    @Test("puts a child in the place of the first of its name, or at the end")
    func put() throws {
        var element = try #require(root)
        element.put(XMLElement("b", text: "new"))
        element.put(XMLElement("d"))
        #expect(element.description == "<a> x <b>new</b>y<c/><b n=\"2\"/><d/></a>")
    }

    @Test("gives and sets the whole text", arguments: ["", " leading", "trailing\n", "<&>\"é"])
    func text(text: String) throws {
        var element = try #require(root)
        #expect(element.wholeText == " x y")
        element.wholeText = text
        #expect(try XMLElement.parse(element.description).wholeText == text)
        #expect(element.children.isEmpty)
    }
}
