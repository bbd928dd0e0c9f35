internal import Hypervisor
internal import SHA256

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
        digits = hexadecimal(SHA256.digest(of: der))
        publicKey = Base64.encode(SHA256.digest(of: key))
    }

    private static func body(of pem: String) -> String? {
        let lines = pem.split { $0.isNewline }
        guard let begin = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN CERTIFICATE-----") }),
            let end = lines[begin...].firstIndex(where: { $0.hasPrefix("-----END CERTIFICATE-----") })
        else { return nil }
        return lines[(begin + 1)..<end].joined()
    }
}
