internal import CSHA256
internal import Hypervisor

/// What is needed of a certificate that is known by its thumbprint.
struct Thumbprint: Sendable, Equatable {
    /// SHA-256 of the certificate's DER form: 64 hexadecimal digits in lower case.
    let digits: String
    /// SHA-256 of its SubjectPublicKeyInfo, base64: whoever has the private key to it is who the certificate names.
    let publicKey: String

    /// Those of a certificate in PEM; nil where it is none.
    init?(pem: String) {
        guard let der = Self.body(of: pem).flatMap(Base64.decode), let key = DER.publicKeyInfo(ofCertificate: der)
        else {
            return nil
        }
        digits = sha256(der).map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }.joined()
        publicKey = Base64.encode(sha256(key))
    }

    private static func body(of pem: String) -> String? {
        let lines = pem.split { $0.isNewline }
        guard let begin = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN CERTIFICATE-----") }),
            let end = lines[begin...].firstIndex(where: { $0.hasPrefix("-----END CERTIFICATE-----") })
        else { return nil }
        return lines[(begin + 1)..<end].joined()
    }
}

/// The SHA-256 of some bytes; empty when there is no memory for it, which equals no digest.
func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] {
    guard let state = csha256_new() else { return [] }
    defer { csha256_free(state) }
    let whole = Array(bytes)
    whole.withUnsafeBytes { csha256_update(state, $0.baseAddress, $0.count) }
    return [UInt8](unsafeUninitializedCapacity: csha256_length) { buffer, count in
        guard let start = buffer.baseAddress else { return }
        csha256_final(state, start)
        count = buffer.count
    }
}
