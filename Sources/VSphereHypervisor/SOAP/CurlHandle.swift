internal import CCurl
internal import Hypervisor
internal import Support

/// One of libcurl's easy handles: a connection that is kept open between calls. Used by one thread at a time.
///
/// Unchecked: whoever has borrowed it from the pool has it alone.
final class CurlHandle: @unchecked Sendable {
    private let library: CurlLibrary
    private let handle: UnsafeMutableRawPointer
    /// Where libcurl writes what went wrong, in more words than its error code has.
    private let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var curl: UnsafePointer<CCurl> { library.functions }

    /// A new handle without a connection.
    /// - Throws: HypervisorError when libcurl cannot be had.
    init() throws(HypervisorError) {
        do {
            library = try CurlLibrary.load()
        } catch {
            words.deallocate()
            throw error
        }
        guard let handle = library.functions.pointee.curl_easy_init() else {
            words.deallocate()
            throw HypervisorError(.unreachable, "libcurl has no memory for a connection", remedy: .retry)
        }
        self.handle = handle
    }

    deinit {
        curl.pointee.curl_easy_cleanup(handle)
        words.deallocate()
    }

    /// Sends a message over a connection whose certificate is judged as `check` says; blocks.
    func post(_ message: HTTPRequest, to url: String, _ check: CertificateCheck, limits: CurlLimits) throws
        -> HTTPResponse
    {
        try prepare(url, check, limits)
        let sink = ResponseBuffer(limit: limits.bytes)
        var list: UnsafeMutablePointer<curl_slist>?
        defer { curl.pointee.curl_slist_free_all(list) }
        var headers = [
            "Content-Type: text/xml; charset=utf-8", "SOAPAction: \"\(message.action)\"", "Expect:",
            "User-Agent: stillpoint",
        ]
        if let cookie = message.cookie { headers.append("Cookie: \(cookie)") }
        for header in headers { list = curl.pointee.curl_slist_append(list, header) }
        try set(CURLOPT_HTTPHEADER, list: list)
        try set(CURLOPT_WRITEFUNCTION, callback: receiveBody)
        try set(CURLOPT_HEADERFUNCTION, callback: receiveHeader)
        let user = Unmanaged.passUnretained(sink).toOpaque()
        try set(CURLOPT_WRITEDATA, pointer: user)
        try set(CURLOPT_HEADERDATA, pointer: user)
        try set(CURLOPT_POST, 1)
        try set(CURLOPT_POSTFIELDSIZE, message.body.count)
        try set(CURLOPT_READFUNCTION, callback: sendBody)
        let source = RequestBody(message.body)
        try set(CURLOPT_READDATA, pointer: Unmanaged.passUnretained(source).toOpaque())
        let code = withExtendedLifetime((sink, source)) { curl.pointee.curl_easy_perform(handle) }
        guard code == CURLE_OK else {
            throw CurlFailure(code: code, text: text(code), url: url, check: check, limits: limits)
                .classified(isTooLong: sink.isTooLong)
        }
        return HTTPResponse(
            status: ccurl_get_long(curl, handle, CURLINFO_RESPONSE_CODE), body: sink.body, cookie: sink.cookie)
    }

    /// The certificate that the server shows, as PEM; nothing is sent, and nothing trusted. Blocks.
    func certificate(of url: String, limits: CurlLimits) throws -> String? {
        try prepare(url, .none, limits)
        try set(CURLOPT_CONNECT_ONLY, 1)
        try set(CURLOPT_CERTINFO, 1)
        let code = curl.pointee.curl_easy_perform(handle)
        guard code == CURLE_OK else {
            throw CurlFailure(code: code, text: text(code), url: url, check: .none, limits: limits)
                .classified(isTooLong: false)
        }
        guard let found = ccurl_get_certificates(curl, handle), found.pointee.num_of_certs > 0 else { return nil }
        var next = found.pointee.certinfo[0]
        while let entry = next {
            let field = String(cString: entry.pointee.data)
            if field.hasPrefix("Cert:") { return String(field.dropFirst(5)) }
            next = entry.pointee.next
        }
        return nil
    }

    private func prepare(_ url: String, _ check: CertificateCheck, _ limits: CurlLimits) throws(HypervisorError) {
        curl.pointee.curl_easy_reset(handle)
        words[0] = 0
        try set(CURLOPT_ERRORBUFFER, pointer: words)
        try set(CURLOPT_URL, text: url)
        // A signal would strike the whole process; libcurl must not use any.
        try set(CURLOPT_NOSIGNAL, 1)
        // A hook's environment is not the administrator's shell's: a proxy named there is not used by chance.
        try set(CURLOPT_PROXY, text: "")
        // HTTP/2 would put a broken connection's calls into one fate.
        try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_CONNECTTIMEOUT_MS, Int(limits.connecting.milliseconds))
        try set(CURLOPT_TIMEOUT_MS, Int(max(1, limits.whole.milliseconds)))
        try check.apply { option, value throws(HypervisorError) in
            switch value {
            case .number(let number): try set(option, number)
            case .text(let text): try set(option, text: text)
            case .nothing: try ccurl_set_string(curl, handle, option, nil).check(option)
            }
        }
    }

    private func text(_ code: CURLcode) -> String {
        let said = String(cString: words)
        if !said.isEmpty { return said }
        return curl.pointee.curl_easy_strerror(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
    }

    private func set(_ option: CURLoption, _ value: Int) throws(HypervisorError) {
        try ccurl_set_long(curl, handle, option, value).check(option)
    }

    private func set(_ option: CURLoption, text: String) throws(HypervisorError) {
        try ccurl_set_string(curl, handle, option, text).check(option)
    }

    private func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer?) throws(HypervisorError) {
        try ccurl_set_pointer(curl, handle, option, pointer).check(option)
    }

    private func set(_ option: CURLoption, list: UnsafeMutablePointer<curl_slist>?) throws(HypervisorError) {
        try ccurl_set_list(curl, handle, option, list).check(option)
    }

    private func set(_ option: CURLoption, callback: curl_write_callback) throws(HypervisorError) {
        try ccurl_set_callback(curl, handle, option, callback).check(option)
    }
}

extension CURLcode {
    fileprivate func check(_ option: CURLoption) throws(HypervisorError) {
        guard self == CURLE_OK else {
            throw HypervisorError(
                .unreachable,
                "this libcurl cannot do what is needed (option \(option.rawValue)): it is too old, or has "
                    + "no TLS",
                remedy: .stop)
        }
    }
}
