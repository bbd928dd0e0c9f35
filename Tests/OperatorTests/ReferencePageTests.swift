import Glibc
import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Engine
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
        let guide = try #require(code.guide, "write it in Sources/Operator/Check/FindingGuide+….swift")
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
        for sentences in [code.title, code.remedy] { Self.expectSentences(sentences) }
        #expect(!code.title.contains("|"))
        #expect(code.title != ReasonCode(rawValue: "of-a-later-version").title)
    }

    @Test("is on a terminal what check --explain prints, in lines of 82 characters", arguments: FindingCode.allCases)
    func explained(code: FindingCode) throws {
        let lines = try #require(code.explanation).split(separator: "\n")
        #expect(lines[0] == "\(code.rawValue) (\(code.severity.rawValue)): \(code.title)")
        #expect(lines.dropFirst().allSatisfy { $0.utf8.count <= 82 }, "\(lines)")
        #expect(lines.contains("What to do:"))
    }

    @Test("is refused for a code that there is not", arguments: ["", "SP", "SP1011", "101", "\u{1b}[2J"])
    func unknown(code: String) async throws {
        try await withBench { bench, _ async throws in
            #expect(bench.operating.explainFinding(code) == .usage)
        }
    }

    /// Some words, in whole sentences without a blank too many.
    private static func expectSentences(_ text: String) {
        #expect(text.utf8.count > 12 && text.hasSuffix("."), "\(text)")
        #expect(!text.contains("  ") && !text.contains("\n") && !text.contains("—"), "\(text)")
        #expect(text.count { $0 == "`" }.isMultiple(of: 2), "\(text)")
    }
}
