internal import Glibc

/// A table in a page of the sources: each row by its columns' names.
public struct MarkdownTable: Sendable {
    /// The rows below the head.
    public let rows: [[String: String]]

    /// The table whose head has exactly these columns; empty where there is none.
    /// - Parameter path: the page's, from the package's folder.
    public init(_ columns: [String], in path: String, file: String = #filePath) throws {
        let folder = file.split(separator: "/").dropLast(3).joined(separator: "/")
        let page = try required(fopen("/\(folder)/\(path)", "r"))
        defer { fclose(page) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, page))
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        func cells(_ line: Substring) -> [String] {
            line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map { cell in
                String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
        }
        let head = lines.firstIndex { $0.hasPrefix("|") && cells($0) == columns } ?? lines.endIndex
        rows = lines.dropFirst(head + 2).prefix { $0.hasPrefix("|") }.map { line in
            Dictionary(zip(columns, cells(line))) { first, _ in first }
        }
    }
}
