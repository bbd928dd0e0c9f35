import Bounds
import Synchronization
import TestSupport
import Testing
import XMLTree

@Suite("The cost of a document")
struct BudgetTests {
    enum Entry: CaseIterable {
        case definition, answer

        func parse(_ text: String) throws -> XMLElement {
            switch self {
            case .definition: try XMLElement.parse(text)
            case .answer: try XMLElement.parse(Array(text.utf8), namespace: "urn:vim25")
            }
        }
    }

    enum Nesting: String, CaseIterable {
        case plain = "<a>"
        case attributed = "<a b='c'>"
        case prefixed = "<p:a xmlns:p='urn:p'>"
        case withText = "<a>text"
        case withSibling = "<a><b/>"
    }

    @Test("that ends the process by nesting is refused at once", arguments: Entry.allCases, Nesting.allCases)
    func nesting(entry: Entry, nesting: Nesting) throws {
        let text = String(repeating: nesting.rawValue, count: 300_000)
        let refusal = Mutex("")
        let time = onSmallStack {
            do { _ = try entry.parse(text) } catch { refusal.withLock { $0 = "\(error)" } }
        }
        // Of very many equals signs that is seen even before.
        let words = ["it is nested more than 200 deep", "it has more than 200000 parts"]
        let said = refusal.withLock { $0 }
        #expect(words.contains { said.hasSuffix($0) })
        #expect(time < .milliseconds(200))
    }

    @Test("is as deep as is allowed, written and compared", arguments: Entry.allCases)
    func deepest(entry: Entry) throws {
        let text = String(repeating: "<a>", count: 200) + String(repeating: "</a>", count: 200)
        let root = try entry.parse(text)
        #expect(try XMLElement.parse(root.description) == root)
        #expect(throws: XMLError.self) { try entry.parse("<a>" + text + "</a>") }
    }

    @Test("counts elements and attributes")
    func nodes() throws {
        let text = "<a b='1' c='2'><d/><d e='3'/></a>"
        #expect(try XMLElement.parse(text, within: Budget(nodes: 6)).children.count == 2)
        let error = #expect(throws: XMLError.self) { try XMLElement.parse(text, within: Budget(nodes: 5)) }
        #expect(error?.message == "it has more than 5 parts")
    }

    @Test("of one tag with very many attributes is seen before the tag is read")
    func attributes() throws {
        let attributes = (0..<200_001).map { " a\($0)=''" }.joined()
        let error = #expect(throws: XMLError.self) { try XMLElement.parse("<a\(attributes)/>") }
        #expect(error?.description == "line 1: it has more than 200000 parts")
    }

    @Test("of very many elements is refused")
    func elements() throws {
        let text = "<a>" + String(repeating: "<b/>", count: 200_000) + "</a>"
        let error = #expect(throws: XMLError.self) { try XMLElement.parse(text) }
        #expect(error?.message == "it has more than 200000 parts")
    }
}
