/// As much of ASN.1's DER as it takes to find the public key of a certificate (RFC 5280, 4.1).
enum DER {
    /// The whole SubjectPublicKeyInfo of a certificate, tag and length included; nil where it is no certificate.
    static func publicKeyInfo(ofCertificate der: [UInt8]) -> ArraySlice<UInt8>? {
        guard let certificate = first(in: der[...]), certificate.tag == sequence,
            let toBeSigned = first(in: certificate.content), toBeSigned.tag == sequence
        else { return nil }
        var rest = toBeSigned.content
        // The version is optional; then serial number, algorithm, issuer, validity and subject stand before the key.
        if rest.first == explicitVersion, let version = first(in: rest) { rest = rest[version.whole.endIndex...] }
        for _ in 0..<5 {
            guard let field = first(in: rest) else { return nil }
            rest = rest[field.whole.endIndex...]
        }
        guard let key = first(in: rest), key.tag == sequence else { return nil }
        return key.whole
    }

    private static let sequence: UInt8 = 0x30
    private static let explicitVersion: UInt8 = 0xa0

    private struct Value {
        let tag: UInt8
        let whole: ArraySlice<UInt8>
        let content: ArraySlice<UInt8>
    }

    private static func first(in bytes: ArraySlice<UInt8>) -> Value? {
        guard bytes.count >= 2 else { return nil }
        let tag = bytes[bytes.startIndex]
        var next = bytes.startIndex + 1
        var length = Int(bytes[next])
        next += 1
        if length & 0x80 != 0 {
            let count = length & 0x7f
            guard (1...4).contains(count), bytes.endIndex - next >= count else { return nil }
            length = bytes[next..<(next + count)].reduce(0) { $0 << 8 | Int($1) }
            next += count
        }
        guard bytes.endIndex - next >= length else { return nil }
        let end = next + length
        return Value(tag: tag, whole: bytes[bytes.startIndex..<end], content: bytes[next..<end])
    }
}
