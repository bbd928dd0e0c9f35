internal import CCurl

/// How libcurl judges the certificate of a connection before anything is sent over it.
package enum CertificateCheck: Sendable, Equatable {
    /// By the system's store, and by the host's name.
    case system
    /// By the certificates of this file alone, and by the host's name.
    case certificates(path: String)
    /// The server must have the private key to this public key: base64 of the SHA-256 of its SubjectPublicKeyInfo.
    /// Name, dates and issuer are not checked, as an ESXi's own certificate needs.
    case publicKey(String)
    /// Not at all, to fetch the certificate: such a connection carries nothing.
    case none

    enum Value {
        case number(Int)
        case text(String)
        /// Without the default.
        case nothing
    }

    /// Hands the options of this check to `set`.
    func apply(_ set: (CURLoption, Value) throws(CurlError) -> Void) throws(CurlError) {
        switch self {
        case .system:
            try verify(true, set)
        case .certificates(let path):
            try verify(true, set)
            try set(CURLOPT_CAINFO, .text(path))
            // A folder of the system's certificates would be trusted besides the file.
            try set(CURLOPT_CAPATH, .nothing)
        case .publicKey(let digest):
            try verify(false, set)
            try set(CURLOPT_PINNEDPUBLICKEY, .text("sha256//\(digest)"))
        case .none:
            try verify(false, set)
        }
    }

    private func verify(
        _ isOn: Bool, _ set: (CURLoption, Value) throws(CurlError) -> Void
    ) throws(CurlError) {
        try set(CURLOPT_SSL_VERIFYPEER, .number(isOn ? 1 : 0))
        try set(CURLOPT_SSL_VERIFYHOST, .number(isOn ? 2 : 0))
    }
}
