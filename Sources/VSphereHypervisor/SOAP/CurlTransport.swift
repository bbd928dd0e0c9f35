internal import Curl
internal import Glibc
internal import Hypervisor
internal import Support
internal import Synchronization

/// Messages over HTTPS by libcurl.
///
/// A handle keeps its connection open, so there are as many as calls run at once, but no more than the server is fit
/// for; who comes when all are at work waits for one.
final class CurlTransport: Transport {
    private static let maxConnections = 8

    private let url: String
    private let trust: ServerLogin.Trust
    private let pool = CurlHandlePool(maxSlots: maxConnections)
    private let pinned = Mutex<CertificateCheck?>(nil)

    /// Connects on first use.
    init(url: String, trust: ServerLogin.Trust) {
        self.url = url
        self.trust = trust
    }

    func post(_ message: HTTPRequest, within limit: Duration) async throws -> HTTPResponse {
        let start = ContinuousClock.now
        let slot = try await pool.borrow(within: limit)
        let left = max(.milliseconds(1), limit - (.now - start))
        do {
            // libcurl itself ends the call in time; what is added is for a resolver that it cannot interrupt.
            return try await blocking("a call to \(url)", within: left + .seconds(2)) { [self] in
                // The slot is given back when the call has really ended.
                defer { pool.giveBack(slot) }
                return try send(message, slot, within: left)
            }
        } catch let error as HypervisorError where error.code == .timedOut {
            throw CallFailure(.timedOut, "no answer from \(url) within \(limit.text)")
        }
    }

    func close() { pool.close() }

    private func send(_ message: HTTPRequest, _ slot: CurlHandlePool.Slot, within limit: Duration) throws
        -> HTTPResponse
    {
        let start = ContinuousClock.now
        let handle = try slot.handle ?? .forServer(url, limits: CurlLimits(whole: limit))
        slot.handle = handle
        let check = try check(handle, within: limit)
        let limits = CurlLimits(whole: limit - (.now - start))
        do {
            return try handle.post(message, to: url, check, limits: limits)
        } catch {
            // Whatever state its connection is in: the next call gets a new one.
            slot.handle = nil
            throw error
        }
    }

    /// How the connection's certificate is judged; the first call finds out the key that belongs to a thumbprint.
    private func check(_ handle: CurlHandle, within limit: Duration) throws -> CertificateCheck {
        switch trust {
        case .system: return .system
        case .certificates(let path):
            guard access(path, R_OK) == 0 else {
                throw HypervisorError(
                    .misconfigured, "ca_file = \(path) cannot be read (\(String(cString: strerror(errno))))",
                    remedy: .stop)
            }
            do {
                try TrustedPath.requireFile(path)
            } catch {
                throw HypervisorError(.misconfigured, "ca_file = \(path) is not trusted: \(error)", remedy: .stop)
            }
            return .certificates(path: path)
        case .thumbprint(let wanted):
            if let known = pinned.withLock({ $0 }) { return known }
            let check = CertificateCheck.publicKey(try key(of: wanted, within: limit))
            pinned.withLock { $0 = check }
            return check
        }
    }

    private func key(of wanted: String, within limit: Duration) throws -> String {
        // A handle that only fetched a certificate cannot be used for calls afterwards.
        let limits = CurlLimits(whole: limit)
        let pem = try CurlHandle.forServer(url, limits: limits).shownCertificate(of: url, limits: limits)
        guard let pem, let shown = Thumbprint(pem: pem) else {
            throw CallFailure(.certificate, "\(url) shows no certificate that could be compared with thumbprint")
        }
        guard shown.digits == wanted else {
            throw CallFailure(
                .certificate,
                "\(url) shows another certificate than thumbprint says: its SHA-256 is \(shown.digits). Nothing was "
                    + "sent. If the server's certificate was renewed (compare on its console), set thumbprint to that")
        }
        return shown.publicKey
    }
}
