import Glibc
import TestSupport
import Testing

/// A Markdown page of the repository.
struct Page: Sendable, CustomTestStringConvertible {
    /// From the repository's top: `docs/json.md`.
    let path: String
    let text: String

    var testDescription: String { path }

    static let top = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    /// Empty where there is no such page.
    init(_ path: String, in top: String = top) throws {
        self.path = path
        text = String(decoding: try readFile("\(top)/\(path)"), as: UTF8.self)
    }

    /// All but those of other people's packages.
    static let all = pages(below: top).filter { page in
        !page.path.contains("/")
            || ["docs/", "hooks/", "examples/", "Sources/", "Tests/"].contains { page.path.hasPrefix($0) }
    }

    /// Those that speak of programs, keys and files as a user of them has them.
    static let manual = all.filter { !$0.path.hasPrefix("Tests/") }

    /// The configurations in `examples`, whose comments speak as the pages do.
    static let examples = pages(below: top + "/examples", ending: ".conf").map {
        Page(path: "examples/" + $0.path, text: $0.text)
    }

    var isMarkdown: Bool { path.hasSuffix(".md") }

    private init(path: String, text: String) {
        self.path = path
        self.text = text
    }

    /// Those of a folder and of the folders in it; none of hidden ones.
    static func pages(below top: String, folder: String = "", ending: String = ".md") -> [Page] {
        let names = (try? ScratchFolder(path: top).names(in: folder.isEmpty ? "." : folder)) ?? []
        return names.filter { !$0.hasPrefix(".") }.flatMap { name -> [Page] in
            let path = folder + name
            if name.hasSuffix(ending) { return (try? Page(path, in: top)).map { [$0] } ?? [] }
            var status = stat()
            let isFolder = lstat("\(top)/\(path)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            return isFolder ? pages(below: top, folder: path + "/", ending: ending) : []
        }
    }

    static func exists(_ path: String) -> Bool { access("\(top)/\(path)", F_OK) == 0 }
}

/// What stands between two fences.
struct CodeBlock: Sendable, CustomTestStringConvertible {
    let page: String
    /// Of the first line of its text, from 1.
    let line: Int
    let language: String
    let text: String

    var testDescription: String { "\(page):\(line)" }
}

extension Page {
    var blocks: [CodeBlock] { parts.blocks }

    /// What stands outside of code blocks, line by line.
    var prose: [String] { parts.prose }

    /// What stands between single backquotes, which may be on two lines.
    var spans: [String] {
        prose.joined(separator: " ").split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }

    private var parts: (blocks: [CodeBlock], prose: [String]) {
        var (blocks, prose): ([CodeBlock], [String]) = ([], [])
        var open: (indent: Int, line: Int, language: String, lines: [Substring])?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let indent = line.prefix { $0 == " " }.count
            let rest = line.dropFirst(indent)
            if var block = open {
                if rest == "```" {
                    let text = block.lines.map { $0 + "\n" }.joined()
                    blocks.append(CodeBlock(page: path, line: block.line, language: block.language, text: text))
                    open = nil
                } else {
                    block.lines.append(line.dropFirst(min(indent, block.indent)))
                    open = block
                }
            } else if rest.hasPrefix("```") {
                open = (indent, index + 2, String(rest.dropFirst(3)), [])
            } else {
                prose.append(String(line))
            }
        }
        return (blocks, prose)
    }
}

extension Page {
    /// The tables of a page, each with the heading that it stands under.
    var tables: [(headings: [String], columns: [String], rows: [[String]])] {
        var tables: [(headings: [String], columns: [String], rows: [[String]])] = []
        var headings: [String] = []
        var isInTable = false
        for line in prose {
            if line.hasPrefix("#") {
                let level = line.prefix { $0 == "#" }.count
                headings = headings.prefix(level - 1) + [String(line.dropFirst(level + 1))]
            }
            guard line.hasPrefix("|") else {
                isInTable = false
                continue
            }
            let cells = Self.cells(line)
            if !isInTable {
                tables.append((headings, cells, []))
            } else if !cells.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 == "-" || $0 == ":" } }) {
                tables[tables.count - 1].rows.append(cells)
            }
            isInTable = true
        }
        return tables
    }

    private static func cells(_ line: String) -> [String] {
        line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map { cell in
            String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }
}
