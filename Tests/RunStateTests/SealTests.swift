import Glibc
import SHA256
import TestSupport
import Testing

@testable import RunState

@Suite("A seal")
struct SealTests {
    private func withKeys<Result>(_ body: (ScratchFolder, SealKeys) throws -> Result) throws -> Result {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            return try body(scratch, SealKeys(directory))
        }
    }

    private func content(_ parts: [(String, String)], _ kind: SealedContent.Kind = .definition) throws -> SealedContent
    {
        var content = SealedContent(kind)
        for (name, text) in parts { content.add(name, Array(text.utf8)) }
        return content
    }

    @Test("is HMAC-SHA-256 (RFC 4231, test case 1 with its key filled up by zeros, which changes nothing)")
    func code() throws {
        let key = try SealingKey([UInt8](repeating: 0x0b, count: 20) + [UInt8](repeating: 0, count: 12))
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        #expect(hexadecimal(key.code(of: Array("Hi There".utf8))) == expected)
    }

    @Test("is right for what was sealed, whatever the order, and for nothing else")
    func fits() throws {
        try withKeys { _, keys in
            let parts = [("a", "one"), ("b", "two")]
            let seal = Seal(try content(parts), by: try keys.own().all)
            #expect(keys.provenance(of: try content(parts.reversed()), seal) == .own)
            let others: [SealedContent] = [
                try content([("a", "one")]), try content(parts + [("c", "")]),
                try content([("a", "two"), ("b", "one")]),
                try content([("a", "onet"), ("b", "wo")]), try content([("ab", "one"), ("", "two")]),
                try content(parts, .sideCar),
                // One name that would make two lines of it.
                try content([("a\n3 00 62", "one")]),
            ]
            for other in others {
                #expect(keys.provenance(of: other, seal) == .none("it was changed after this host sealed it"))
            }
            #expect(keys.provenance(of: try content(parts), text: nil) == .none("it is not sealed"))
            for text in ["", "{", "[]", #"{"format":2,"marks":[]}"#, #"{"format":1,"marks":[]}"#] {
                #expect(!keys.provenance(of: try content(parts), text: Array(text.utf8)).isVouchedFor)
            }
        }
    }

    @Test("of another host is believed once its key was imported, and only as long")
    func other() throws {
        try withKeys { _, here in
            try withKeys { _, there in
                let what = try content([("a", "one")])
                let seal = Seal(what, by: try there.own().all)
                #expect(!here.provenance(of: what, seal).isVouchedFor)
                let id = try here.trust(try there.exported(host: "far"))
                #expect(here.provenance(of: what, seal) == .trusted(host: "far"))
                #expect(here.trusted().keys.map(\.host) == ["far"])
                #expect(try here.forget(id))
                #expect(try !here.forget(id) && !here.forget("../../key"))
                #expect(!here.provenance(of: what, seal).isVouchedFor)
            }
        }
    }

    @Test("made with the key that a host hands out is not believed by that host itself")
    func handedOut() throws {
        try withKeys { _, keys in
            let what = try content([("a", "one")])
            let handedOut = try keys.exported(host: "here").sealingKey()
            #expect(!keys.provenance(of: what, Seal(what, by: [handedOut])).isVouchedFor)
            #expect(throws: SealError.self) { try keys.trust(keys.exported(host: "here")) }
        }
    }

    @Test("has a key that is made once, by whoever comes first, and that its owner alone may read")
    func key() throws {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            let ids = (0..<8).map { _ in SealKeys(directory) }.map { keys in (try? keys.own())?.home.id }
            #expect(Set(ids).count == 1 && ids.first != .some(nil))
            #expect(try scratch.mode("state/key") == 0o600)
            #expect(try scratch.names(in: "state").filter { $0.hasPrefix("key") } == ["key"])
            chmod(scratch.path + "/state/key", 0o640)
            #expect(throws: SealError.self) { try SealKeys(directory).own() }
            chmod(scratch.path + "/state/key", 0o600)
            try scratch.write("state/key", "short", mode: 0o600)
            #expect(throws: SealError.self) { try SealKeys(directory).own() }
        }
    }
}
