internal import CCurl

/// An answer by HTTP.
package struct CurlResponse: Sendable {
    package let status: Int
    package let body: [UInt8]
    /// Those that the server has set: `name=value`.
    package let cookies: [String]
}

extension CurlHandle {
    /// Sends a body by POST over a connection whose certificate is judged as `check` says; blocks. No redirect is followed.
    /// - Parameter headers: `Content-Type: text/xml`.
    /// - Throws: CurlError.
    package func post(
        _ body: [UInt8], headers: [String], to url: String, _ check: CertificateCheck, limits: CurlLimits
    ) throws(CurlError) -> CurlResponse {
        try prepare(url, check, limits)
        let sink = ResponseBuffer(limit: limits.bytes)
        let list = list(headers)
        defer { curl.pointee.curl_slist_free_all(list) }
        try set(CURLOPT_HTTPHEADER, list: list)
        try set(CURLOPT_POST, 1)
        try set(CURLOPT_POSTFIELDSIZE, body.count)
        try perform(into: sink, from: RequestBody(body))
        return CurlResponse(
            status: ccurl_get_long(curl, handle, CURLINFO_RESPONSE_CODE), body: sink.body, cookies: sink.cookies)
    }

    /// The certificate that the server shows, as PEM; nothing is sent, and nothing trusted. Blocks.
    /// - Throws: CurlError.
    package func certificate(of url: String, limits: CurlLimits) throws(CurlError) -> String? {
        try prepare(url, .none, limits)
        try set(CURLOPT_CONNECT_ONLY, 1)
        try set(CURLOPT_CERTINFO, 1)
        try perform(into: ResponseBuffer(limit: limits.bytes))
        guard let found = ccurl_get_certificates(curl, handle), found.pointee.num_of_certs > 0 else { return nil }
        var next = found.pointee.certinfo[0]
        while let entry = next {
            let field = String(cString: entry.pointee.data)
            if field.hasPrefix("Cert:") { return String(field.dropFirst(5)) }
            next = entry.pointee.next
        }
        return nil
    }

    /// The caller's to free.
    func list(_ lines: [String]) -> UnsafeMutablePointer<curl_slist>? {
        lines.reduce(nil) { curl.pointee.curl_slist_append($0, $1) }
    }
}
