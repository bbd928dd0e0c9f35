import Glibc
import TestSupport
import Testing

@Suite("A link in a page")
struct LinkTests {
    @Test("leads to a file of the repository, and to a heading of it", arguments: Page.all)
    func leads(_ page: Page) throws {
        for link in page.links {
            let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let target = parts[0].isEmpty ? page.path : page.resolved(parts[0])
            #expect(Page.exists(target), "\(link)")
            guard parts.count == 2, target.hasSuffix(".md") else { continue }
            #expect(try Page(target).anchors.contains(parts[1]), "\(link)")
        }
    }

    @Test("leads where it should in an installation, too")
    func installed() throws {
        try withScratchFolder { scratch in
            let said = try shell("'\(Page.top)/packaging/docs' '\(scratch.path)'")
            #expect(said.status == 0 && said.output.isEmpty, "\(said.output)")
            // `make install` puts it there; in the package it has another name.
            try scratch.write("CHANGELOG.md", "")
            let pages = Page.pages(below: scratch.path)
            #expect(pages.contains { $0.path == "docs/exit-codes.md" } && pages.contains { $0.path == "docs/disks.md" })
            for page in pages {
                for link in page.links {
                    guard !link.hasPrefix("#") else { continue }
                    let target = link.split(separator: "#").first.map { page.resolved(String($0)) } ?? page.path
                    #expect(access("\(scratch.path)/\(target)", F_OK) == 0, "\(page.path): \(link)")
                }
            }
        }
    }

    @Test("is found, and so is a heading")
    func found() throws {
        let readme = try Page("README.md")
        #expect(readme.links.count > 10 && readme.anchors.count > 5)
        #expect(Page.all.count > 20)
    }
}

extension Page {
    /// Those within the repository.
    var links: [String] {
        prose.joined(separator: " ").matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }
            .filter { !$0.contains("://") && !$0.hasPrefix("mailto:") }
    }

    /// A path that is relative to the page's folder.
    func resolved(_ link: String) -> String {
        var parts = path.split(separator: "/").dropLast().map(String.init)
        for part in link.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
        }
        return parts.joined(separator: "/")
    }

    /// What a heading is called in a link, as GitHub makes it.
    var anchors: Set<String> {
        var anchors: Set<String> = []
        for line in prose where line.hasPrefix("#") {
            let title = line.drop { $0 == "#" }.drop { $0 == " " }
            let plain = title.lowercased().compactMap { character -> Character? in
                if character == " " { return "-" }
                return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
            }
            var anchor = String(plain)
            var count = 0
            while !anchors.insert(anchor).inserted {
                count += 1
                anchor = "\(String(plain))-\(count)"
            }
        }
        return anchors
    }
}
