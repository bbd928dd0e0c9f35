import Glibc
import Hypervisor
import TestSupport
import Testing

@testable import Operator

@Suite("A page that is made of the code")
struct ReferencePageTests {
    private static let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/docs"

    @Test(
        "is what is in docs", arguments: [("findings.md", FindingReference.page), ("reasons.md", ReasonReference.page)])
    func page(name: String, text: String) throws {
        if getenv("STILLPOINT_WRITE_DOCS") != nil { try ScratchFolder(path: Self.folder).write(name, text) }
        let page = String(decoding: try readFile("\(Self.folder)/\(name)"), as: UTF8.self)
        #expect(page == text, "write it anew: STILLPOINT_WRITE_DOCS=1 swift test --filter ReferencePageTests")
    }

    @Test(
        "says of every finding what it means, why it matters, how it is found and what to do",
        arguments: FindingCode.allCases)
    func finding(code: FindingCode) throws {
        #expect(code.rawValue.wholeMatch(of: /SP[1-9][0-9][0-9]/) != nil)
        let guide = try #require(
            code.guide, "\(code.rawValue): write it in Sources/Operator/Check/FindingGuide+….swift")
        for sentences in [guide.meaning, guide.detection, guide.remedy] { Self.expectSentences(sentences) }
        // They stand in a table, and in a line behind the code.
        for phrase in [code.title, code.why] {
            #expect(!phrase.isEmpty && !phrase.hasSuffix(".") && !phrase.contains("|"), "\(phrase)")
        }
    }

    @Test("has each guide once, for a code that there is")
    func guides() {
        let codes = FindingGuide.families.flatMap(\.keys)
        #expect(Set(codes).count == codes.count)
    }

    @Test("says of every reason what it means and what to do", arguments: ReasonCode.all)
    func reason(code: ReasonCode) {
        #expect(code.rawValue.wholeMatch(of: /[a-z0-9]+(-[a-z0-9]+)*/) != nil)
        Self.expectSentences(code.remedy)
        #expect(!code.title.isEmpty && !code.title.hasSuffix(".") && !code.title.contains("|"), "\(code.title)")
        #expect(code.title != ReasonCode(rawValue: "of-a-later-version").title)
    }

    /// Some words, in whole sentences without a blank too many.
    private static func expectSentences(_ text: String) {
        #expect(text.utf8.count > 12 && text.hasSuffix("."), "\(text)")
        #expect(!text.contains("  ") && !text.contains("\n") && !text.contains("—"), "\(text)")
        #expect(text.count { $0 == "`" }.isMultiple(of: 2), "\(text)")
    }
}
