import Operator
import SnapshotManagers
import Testing

@Suite("A document names only what there is:")
struct NameTests {
    @Test("configuration keys", arguments: Page.manual)
    func keys(_ page: Page) throws {
        let known = try Self.keys().union(Others.words).union(Metric.all.map(\.name))
        for span in page.spans {
            if let match = span.wholeMatch(of: /([a-z]+(?:_[a-z]+)+)(?: = .*)?/) {
                #expect(known.contains(String(match.1)), "\(span)")
            } else if let match = span.wholeMatch(of: /([a-z]+) = .*/) {
                #expect(known.contains(String(match.1)), "\(span)")
            }
        }
    }

    /// Those of docs/configuration.md, which another test compares with their declarations.
    private static func keys() throws -> Set<String> {
        let rows = try Page("docs/configuration.md").tables.filter { $0.columns.first == "key" }.flatMap(\.rows)
        let keys = Set(rows.map { $0[0].filter { $0 != "`" } })
        try #require(keys.count > 20)
        return keys
    }

    @Test("files of the repository", arguments: Page.all + Page.examples)
    func files(_ page: Page) {
        let pattern =
            /(?:^|[\s`"'(\[,;:])((?:Sources|Tests|docs|hooks|examples|packaging)\/[A-Za-z0-9_+.*\/-]*[A-Za-z0-9_*\/])/
        for match in page.prose.joined(separator: "\n").matches(of: pattern) {
            let path = match.1.split(separator: "*", omittingEmptySubsequences: false)[0]
            let whole = path.count == match.1.count ? path : path[...(path.lastIndex(of: "/") ?? path.startIndex)]
            #expect(Page.exists(String(whole)) || Page.exists(page.resolved(String(whole))), "\(match.1)")
        }
    }

    @Test("files of an installation", arguments: Page.manual + Page.examples)
    func installed(_ page: Page) throws {
        let programs = Programs.hooks + ["stillpoint", "stillpoint-autostart"]
        for match in page.text.matches(of: /\/lib\/stillpoint\/([a-z-]+)/) {
            #expect(programs.contains(String(match.1)), "\(match.0)")
        }
        for match in page.text.matches(of: /\bstillpoint-[a-z-]+\.(?:service|timer)\b/) {
            #expect(Page.exists("hooks/systemd/\(match.0)"), "\(match.0)")
        }
        let sources = Self.sources
        for match in page.text.matches(of: /state_dir\/([a-z-]+)/) {
            #expect(sources.contains { $0.contains("/\(match.1)") }, "\(match.0)")
        }
    }

    @Test("a page for each snapshot manager, which says what is set, what bites and what was tried")
    func managers() throws {
        let readme = try Page("README.md")
        let names = SnapshotManager.allCases.filter { $0 != .stillpoint }.map {
            $0.rawValue.split(separator: " ").joined(separator: "-")
        }
        for name in names + ["zfs-autobackup"] {
            let page = try Page("hooks/\(name)/README.md")
            #expect(readme.links.contains(page.path), "\(page.path)")
            #expect(page.anchors.isSuperset(of: ["what-is-set", "what-bites"]), "\(page.path)")
            #expect(!page.blocks.isEmpty, "\(page.path)")
            let text = page.prose.joined(separator: " ")
            #expect(text.contains("*Tried: ") || text.contains("*Read, not tried: "), "\(page.path)")
        }
    }

    @Test("suites of tests", arguments: Page.all)
    func suites(_ page: Page) {
        let tests = Self.tests
        for match in page.text.matches(of: /\b[A-Z][A-Za-z]*Tests\b/) {
            let isThere = Page.exists("Tests/\(match.0)") || tests.contains { $0.contains("struct \(match.0)") }
            #expect(isThere, "\(match.0)")
        }
    }

    @Test("in SECURITY.md the tests that hold each defence")
    func defences() throws {
        let tests = Self.tests
        let table = try #require(try Page("SECURITY.md").tables.first { $0.columns.last == "test" })
        try #require(table.rows.count > 10)
        for named in table.rows.compactMap(\.last) {
            for match in named.matches(of: /"([^"…]+)…?"/) {
                #expect(tests.contains { $0.contains(match.1) }, "\(match.0)")
            }
            for match in named.matches(of: /`([A-Za-z]+)`/) {
                #expect(tests.contains { $0.contains("func \(match.1)(") }, "\(match.0)")
            }
            for match in named.matches(of: /fuzz targets? ([a-z, -]+)/) {
                for target in match.1.split(separator: ",").map({ $0.filter { $0 != " " } }) {
                    #expect(Page.exists("Tests/Fuzz/corpus/\(target)"), "\(target)")
                }
            }
        }
    }

    @Test("environment variables", arguments: Page.manual)
    func variables(_ page: Page) {
        for match in page.text.matches(of: /\b(?:STILLPOINT|SANOID|ZREPL|ZNAP)_[A-Z_]+\b/) {
            #expect((Self.sources + Self.tests).contains { $0.contains(match.0) }, "\(match.0)")
        }
    }

    private static let sources = texts(below: "Sources")
    private static let tests = texts(below: "Tests")

    private static func texts(below folder: String) -> [String] {
        let list = (try? shell("cd '\(Page.top)' && find \(folder) Makefile hooks -type f -size -400k").output) ?? ""
        return list.split(separator: "\n").filter { !$0.contains("/corpus/") && !$0.hasSuffix(".md") }
            .compactMap { try? Page(String($0)).text }
    }
}
