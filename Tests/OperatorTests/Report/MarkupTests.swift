import Hypervisor
import Testing

@testable import Operator

@Suite("Markup")
struct MarkupTests {
    private func text(_ build: (inout Markup) -> Void) -> String {
        var page = Markup()
        build(&page)
        return String(decoding: page.bytes, as: UTF8.self)
    }

    @Test(
        "shows any text as text, between tags and in values",
        arguments: [
            ("web01", "web01"), ("", ""), ("<script>", "&lt;script&gt;"), ("a & b", "a &amp; b"),
            (#"" onclick='x'"#, "&quot; onclick=&#39;x&#39;"), ("&amp;", "&amp;amp;"),
            ("</style><!--", "&lt;/style&gt;&lt;!--"),
            ("ünï日本", "ünï日本"), ("a\nb\tc", "a\nb\tc"),
            ("\u{0}\u{b}\u{1b}\u{7f}\u{85}\r", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
            ("\u{202E}gpj", "\u{202E}gpj"),
            ("<\u{338}", "&lt;\u{338}"),
        ] as [(String, String)])
    func escaped(given: String, shown: String) {
        #expect(text { $0.text(given) } == shown)
        #expect(text { $0.element(.td, .title(given), text: given) } == "<td title=\"\(shown)\">\(shown)</td>")
        #expect(text { $0.element(.i, .class(given)) } == "<i class=\"\(shown)\"></i>")
    }

    @Test(
        "shows what no text may have as what it is not", arguments: [0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1fffe, 0x10ffff])
    func noncharacters(value: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(value))
        #expect(text { $0.text(String(scalar)) } == "\u{FFFD}")
    }

    @Test("keeps a name's direction to itself")
    func isolated() {
        #expect(text { $0.name("\u{202E}<b>") } == "<bdi>\u{202E}&lt;b&gt;</bdi>")
    }

    @Test("has numbers with one digit behind the point, and paths of numbers")
    func numbers() {
        let given: [Double] = [0, 1, 12.34, 12.36, -0.5, 0.04, 999.99]
        #expect(given.map(decimalText) == ["0", "1", "12.3", "12.4", "-0.5", "0", "1000"])
        var shape = PathShape()
        shape.move(1, 2.5)
        shape.vertical(to: 3)
        shape.horizontal(to: 4)
        #expect(
            text { $0.element(.path, .shape(shape), .number("stroke-width", 2)) }
                == #"<path d="M1 2.5V3H4" stroke-width="2"></path>"#)
        #expect(text { $0.element(.i, .width(percent: 12.5)) } == #"<i style="width:12.5%"></i>"#)
    }

    @Test("links to the reasons that it knows, and to no others")
    func anchors() {
        #expect(Anchor(.agentSilent)?.text == "reason-agent-silent")
        #expect(Anchor(ReasonCode(rawValue: "agent-silent\" onclick=\"x")) == nil)
        #expect(ReasonCode.all.allSatisfy { Anchor($0) != nil })
    }
}
