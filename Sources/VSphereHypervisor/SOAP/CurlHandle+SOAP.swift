internal import Curl
internal import Hypervisor

extension CurlHandle {
    /// A new handle, for a server.
    /// - Throws: HypervisorError when libcurl cannot be had.
    static func forServer(_ url: String, limits: CurlLimits) throws -> CurlHandle {
        do throws(CurlError) {
            return try CurlHandle()
        } catch {
            throw CurlFailure(cause: error, url: url, check: .none, limits: limits).classified
        }
    }

    /// Sends a message over a connection whose certificate is judged as `check` says; blocks.
    /// - Throws: CallFailure, HypervisorError.
    func post(_ message: HTTPRequest, to url: String, _ check: CertificateCheck, limits: CurlLimits) throws
        -> HTTPResponse
    {
        var headers = [
            "Content-Type: text/xml; charset=utf-8", "SOAPAction: \"\(message.action)\"", "Expect:",
            "User-Agent: stillpoint",
        ]
        if let cookie = message.cookie { headers.append("Cookie: \(cookie)") }
        do throws(CurlError) {
            let answer = try post(message.body, headers: headers, to: url, check, limits: limits)
            return HTTPResponse(
                status: answer.status, body: answer.body,
                cookie: answer.cookies.last { $0.hasPrefix("vmware_soap_session=") })
        } catch {
            throw CurlFailure(cause: error, url: url, check: check, limits: limits).classified
        }
    }

    /// The certificate that a server shows, as PEM; nothing is sent, and nothing trusted. Blocks.
    /// - Throws: CallFailure, HypervisorError.
    func shownCertificate(of url: String, limits: CurlLimits) throws -> String? {
        do throws(CurlError) {
            return try certificate(of: url, limits: limits)
        } catch {
            throw CurlFailure(cause: error, url: url, check: .none, limits: limits).classified
        }
    }
}
