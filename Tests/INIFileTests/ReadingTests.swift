import INIFile
import TestSupport
import Testing

@Suite("A configuration file")
struct ReadingTests {
    @Test("is read from disk")
    func reads() throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("a.conf", "[s]\nk = v\n")
            let file = try INIFile.read(path: path)
            #expect(file.path == path)
            #expect(file.sections[0].entries.map(\.value) == ["v"])
        }
    }

    @Test("that is not there is missing")
    func missing() throws {
        try withScratchFolder { scratch in
            let path = scratch.path + "/none.conf"
            let error = #expect(throws: INIError.self) { try INIFile.read(path: path) }
            #expect(error?.code == .missing)
            #expect(error?.description == path + ": there is no such file; create it or name another")
        }
    }

    @Test("that is a folder or a device is unreadable", arguments: ["/tmp", "/dev/zero"])
    func notAFile(path: String) {
        let error = #expect(throws: INIError.self) { try INIFile.read(path: path) }
        #expect(error?.code == .unreadable)
    }

    @Test("that is not UTF-8 is refused with the line")
    func latin1() throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("a.conf", Array("[s]\n# gr".utf8) + [0xF6, 0xDF] + Array("e\n".utf8))
            let error = #expect(throws: INIError.self) { try INIFile.read(path: path) }
            #expect(error?.code == .syntax)
            #expect(error?.line == 2)
        }
    }

    @Test("is refused at the first line that is wrong, whatever is wrong with it and what comes below")
    func firstLine() throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("a.conf", Array("[s]\n\njust words\nk = ".utf8) + [0xF6, 0x0A, 0x00])
            let error = #expect(throws: INIError.self) { try INIFile.read(path: path) }
            #expect(error?.line == 3)
        }
    }

    @Test("shows a hostile name escaped in its errors")
    func hostileName() {
        let error = #expect(throws: INIError.self) { try INIFile.read(path: "/nowhere/a\n\u{1B}[31m") }
        #expect(error?.description.contains("\\n\\u{1B}[31m") == true)
    }

    @Test("of more lines than a configuration has is refused, read or parsed", arguments: ["\n", "\r"])
    func lines(end: String) throws {
        let text = String(repeating: end, count: 100_001)
        let error = #expect(throws: INIError.self) { try INIFile.parse(text, path: "a.conf") }
        #expect(error?.description == "a.conf: has more than 100000 lines; name a configuration file")
        try withScratchFolder { scratch in
            let path = try scratch.write("a.conf", text)
            #expect(throws: INIError.self) { try INIFile.contents(of: path) }
        }
    }

    @Test("of one endless line is refused")
    func line() {
        let text = "#" + String(repeating: "x", count: 4 << 20)
        let error = #expect(throws: INIError.self) { try INIFile.parse(text, path: "a.conf") }
        #expect(error?.description == "a.conf: is larger than 4 MiB; name a configuration file")
    }

    @Test("without an equals sign does not say what may be a password")
    func secret() {
        let text = "[s]\nurl https://admin:hunter2@vc/sdk\n"
        let error = #expect(throws: INIError.self) { try INIFile.parse(text, path: "a.conf") }
        #expect(error?.description == "a.conf:2: url … has no equals sign; write key = value on one line")
    }
}
