import SHA256
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "is what FIPS 180-2 says, in one piece and byte by byte",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func vectors(text: String, digest: String) {
        let bytes = Array(text.utf8)
        #expect(hexadecimal(SHA256.digest(of: bytes)) == digest)
        #expect(hexadecimal(SHA256.digest(of: bytes[...])) == digest)
        // A collection whose bytes do not lie side by side.
        #expect(hexadecimal(SHA256.digest(of: bytes.reversed().lazy.map { $0 }.reversed())) == digest)
        let pieces = SHA256()
        for byte in bytes { pieces.add([byte]) }
        #expect(hexadecimal(pieces.finish()) == digest)
        let buffer = SHA256()
        bytes.withUnsafeBytes { buffer.add(buffer: $0) }
        #expect(hexadecimal(buffer.finish()) == digest)
    }

    @Test("with a key is RFC 4231's HMAC (test case 2)")
    func authenticationCode() {
        let code = SHA256.authenticationCode(of: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(hexadecimal(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test("'s digits are read back, and no others", arguments: ["", "00ff", "0a"])
    func digits(text: String) {
        #expect(decodeHexadecimal(text).map(hexadecimal) == text)
        #expect(decodeHexadecimal(text + "0") == nil)
        #expect(decodeHexadecimal(text + "0g") == nil)
    }
}
