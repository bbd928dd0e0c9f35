import INIFile
import Testing

@Suite("A configuration text")
struct ParsingTests {
    private func parse(_ text: String) throws -> INIFile {
        try INIFile.parse(text, path: "test.conf")
    }

    @Test("gives its sections and entries in order, with their lines")
    func linesAreKnown() throws {
        let file = try parse("# head\n\n[one]\na = 1\n\n; more\nb=2\n[two]\n[one]\na = 3\n")
        #expect(file.path == "test.conf")
        #expect(file.sections.map(\.name) == ["one", "two", "one"])
        #expect(file.sections.map(\.line) == [3, 8, 9])
        #expect(
            file.sections[0].entries == [
                .init(key: "a", value: "1", line: 4), .init(key: "b", value: "2", line: 7),
            ])
        #expect(file.sections[1].entries.isEmpty)
        #expect(file.sections[2].entries == [.init(key: "a", value: "3", line: 10)])
    }

    @Test(
        "is read as written",
        arguments: [
            ("key = value", "key", "value"),
            ("key=value", "key", "value"),
            ("   key\t=   value  ", "key", "value"),
            ("key = a = b", "key", "a = b"),
            ("key =", "key", ""),
            ("key = ; nothing", "key", ""),
            ("key = # nothing", "key", ""),
            ("key = value ; comment", "key", "value"),
            ("key = value\t# comment", "key", "value"),
            ("key = value # a ; b", "key", "value"),
            ("key = a;b#c", "key", "a;b#c"),
            ("key = https://a/b#c", "key", "https://a/b#c"),
            ("key = \"quoted\"", "key", "\"quoted\""),
            ("key = [brackets]", "key", "[brackets]"),
            ("schlüssel = größe", "schlüssel", "größe"),
            ("key = value\r", "key", "value"),
        ])
    func entries(line: String, key: String, value: String) throws {
        let entries = try parse("[s]\n\(line)\n").sections[0].entries
        #expect(entries == [.init(key: key, value: value, line: 2)])
    }

    @Test(
        "takes section names of every kind",
        arguments: [
            ("[tank/VM]", "tank/VM"),
            ("  [ tank/VM ]  ; the VMs", "tank/VM"),
            ("[vm db*]", "vm db*"),
            ("[vm db[0-9]*] # patterns", "vm db[0-9]*"),
            ("[a#b;c]", "a#b;c"),
            ("[#1]", "#1"),
            ("[" + String(repeating: "x", count: 400) + "]", String(repeating: "x", count: 400)),
        ])
    func sectionNames(line: String, name: String) throws {
        let file = try parse("\(line)\nk = v\n")
        #expect(file.sections.map(\.name) == [name])
        #expect(file.sections[0].entries.map(\.value) == ["v"])
    }

    @Test("needs no line end after its last line")
    func lastLine() throws {
        #expect(try parse("[s]\nk = v").sections[0].entries == [.init(key: "k", value: "v", line: 2)])
    }

    @Test("may be empty", arguments: ["", "\n", "# only\n; comments\n", "\u{FEFF}"])
    func empty(text: String) throws {
        #expect(try parse(text).sections.isEmpty)
    }

    @Test("may begin with a byte order mark and have CRLF line ends")
    func byteOrderMark() throws {
        let file = try parse("\u{FEFF}[s]\r\nk = v\r\n\r\n[t]\r\n")
        #expect(file.sections.map(\.name) == ["s", "t"])
        #expect(file.sections[0].entries == [.init(key: "k", value: "v", line: 2)])
    }

    @Test("may have indented entries, as sanoid.conf does")
    func indented() throws {
        let file = try parse("[s]\n\ta = 1\n        b = 2\n")
        #expect(file.sections[0].entries.map(\.key) == ["a", "b"])
        #expect(file.sections[0].entries.map(\.value) == ["1", "2"])
    }

    @Test("keeps every value of a key that repeats")
    func repeated() throws {
        let entries = try parse("[s]\nlun = a\nlun = b\n").sections[0].entries
        #expect(entries == [.init(key: "lun", value: "a", line: 2), .init(key: "lun", value: "b", line: 3)])
    }

    @Test("has lines of any length", arguments: [197, 198, 199, 200, 4096, 1_000_000])
    func longLines(length: Int) throws {
        let value = String(repeating: "v", count: length)
        let file = try parse("[s]\nk = \(value)\n\(value) = w\n  # \(value)\nl = x  ; \(value)\n")
        #expect(
            file.sections[0].entries == [
                .init(key: "k", value: value, line: 2), .init(key: value, value: "w", line: 3),
                .init(key: "l", value: "x", line: 5),
            ])
    }

    @Test("of thousands of sections is read whole")
    func many() throws {
        let text = (0..<5000).map { "[section \($0)]\nkey = \($0)\n" }.joined()
        let file = try parse(text)
        #expect(file.sections.count == 5000)
        #expect(file.sections[4999].entries == [.init(key: "key", value: "4999", line: 10000)])
    }
}
