internal import Configuration
internal import Curl
internal import Support

/// One way to tell somebody of a report.
protocol Delivery: Sendable {
    /// In the configuration's words: `mail`, `webhook`, `on_problem`.
    var name: String { get }
    /// For people: `mail to root by sendmail`. No secret.
    var title: String { get }
    /// Sends it, and returns when it has been taken.
    /// - Throws: DeliveryError.
    func deliver(_ report: RunReport, within limit: Duration) async throws(DeliveryError)
}

/// Why a report was not taken.
struct DeliveryError: Error, CustomStringConvertible {
    let description: String
    /// It is this report that is refused: another may be taken.
    var isRefusal = false
}

extension CertificateCheck {
    /// How a server is judged: by the certificates of that file, else by the system's.
    /// - Throws: DeliveryError where the file cannot be read, or others could change it.
    static func of(_ path: String?, key: String) throws(DeliveryError) -> CertificateCheck {
        guard let path else { return .system }
        do {
            try TrustedPath.requireFile(path)
        } catch {
            throw DeliveryError(description: "\(key) = \(printable(path, limit: 300)) cannot be used: \(error)")
        }
        return .certificates(path: path)
    }
}

extension DeliveryError {
    /// A transfer that failed; `libcurl`'s words may have the address, so those of a secret one are left out.
    /// - Parameter start: when it began. What there is less time for than for the whole, to connect, ends it earlier.
    init(_ error: CurlError, at server: String, since start: ContinuousClock.Instant, authorities: String) {
        let text = printable(error.text, limit: 300)
        switch error.kind {
        case .unresolved: self.init(description: "the name of \(server) cannot be resolved")
        case .unreachable: self.init(description: "nothing answers at \(server)")
        case .untrusted, .otherKey:
            self.init(
                description: "the certificate of \(server) is not trusted (\(text)); it must be valid, for that name, "
                    + "and of an issuer that this host or \(authorities) knows")
        case .badAuthorities: self.init(description: "\(authorities) cannot be read as certificates: \(text)")
        case .noTLS: self.init(description: "no TLS connection to \(server): \(text)")
        case .timedOut: self.init(description: "no answer from \(server) within \((.now - start).text)")
        case .tooLong: self.init(description: "\(server) answers with more than makes sense")
        case .refused: self.init(description: "\(server) has refused it: \(text)", isRefusal: true)
        case .missing, .noMemory: self.init(description: text)
        case .cutOff, .badAddress, .broken: self.init(description: "the connection to \(server) broke: \(text)")
        }
    }
}
