internal import CCurl
internal import Support

/// One of libcurl's easy handles: a connection that is kept open between calls. Used by one thread at a time.
///
/// Unchecked: whoever has it has it alone.
package final class CurlHandle: @unchecked Sendable {
    let library: CurlLibrary
    let handle: UnsafeMutableRawPointer
    /// Where libcurl writes what went wrong, in more words than its error code has.
    private let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    var curl: UnsafePointer<CCurl> { library.functions }

    /// A new handle without a connection.
    /// - Throws: CurlError when libcurl cannot be had.
    package init() throws(CurlError) {
        do {
            library = try CurlLibrary.load()
        } catch {
            words.deallocate()
            throw error
        }
        guard let handle = library.functions.pointee.curl_easy_init() else {
            words.deallocate()
            throw CurlError(.noMemory, "libcurl has no memory for a connection")
        }
        self.handle = handle
    }

    deinit {
        curl.pointee.curl_easy_cleanup(handle)
        words.deallocate()
    }

    func prepare(_ url: String, _ check: CertificateCheck, _ limits: CurlLimits) throws(CurlError) {
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
        try check.apply { option, value throws(CurlError) in
            switch value {
            case .number(let number): try set(option, number)
            case .text(let text): try set(option, text: text)
            case .nothing: try ccurl_set_string(curl, handle, option, nil).check(option)
            }
        }
    }

    /// Carries out what was prepared; blocks.
    /// - Parameter sink: takes the answer.
    /// - Throws: CurlError.
    func perform(into sink: ResponseBuffer, from source: RequestBody? = nil) throws(CurlError) {
        try set(CURLOPT_WRITEFUNCTION, callback: receiveBody)
        try set(CURLOPT_HEADERFUNCTION, callback: receiveHeader)
        let user = Unmanaged.passUnretained(sink).toOpaque()
        try set(CURLOPT_WRITEDATA, pointer: user)
        try set(CURLOPT_HEADERDATA, pointer: user)
        if let source {
            try set(CURLOPT_READFUNCTION, callback: sendBody)
            try set(CURLOPT_READDATA, pointer: Unmanaged.passUnretained(source).toOpaque())
        }
        let code = withExtendedLifetime((sink, source)) { curl.pointee.curl_easy_perform(handle) }
        guard code == CURLE_OK else { throw CurlError(code, text(code), isTooLong: sink.isTooLong) }
    }

    private func text(_ code: CURLcode) -> String {
        let said = String(cString: words)
        if !said.isEmpty { return said }
        return curl.pointee.curl_easy_strerror(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
    }

    func set(_ option: CURLoption, _ value: Int) throws(CurlError) {
        try ccurl_set_long(curl, handle, option, value).check(option)
    }

    func set(_ option: CURLoption, text: String) throws(CurlError) {
        try ccurl_set_string(curl, handle, option, text).check(option)
    }

    func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer?) throws(CurlError) {
        try ccurl_set_pointer(curl, handle, option, pointer).check(option)
    }

    func set(_ option: CURLoption, list: UnsafeMutablePointer<curl_slist>?) throws(CurlError) {
        try ccurl_set_list(curl, handle, option, list).check(option)
    }

    func set(_ option: CURLoption, callback: curl_write_callback) throws(CurlError) {
        try ccurl_set_callback(curl, handle, option, callback).check(option)
    }
}

extension CurlError {
    fileprivate init(_ code: CURLcode, _ text: String, isTooLong: Bool) {
        let kind: Kind =
            switch code {
            case _ where isTooLong: .tooLong
            case CURLE_COULDNT_RESOLVE_HOST: .unresolved
            case CURLE_COULDNT_CONNECT: .unreachable
            case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR: .untrusted
            case CURLE_SSL_PINNEDPUBKEYNOTMATCH: .otherKey
            case CURLE_SSL_CACERT_BADFILE: .badAuthorities
            case CURLE_SSL_CONNECT_ERROR, CURLE_USE_SSL_FAILED: .noTLS
            case CURLE_OPERATION_TIMEDOUT: .timedOut
            case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .badAddress
            case CURLE_PARTIAL_FILE: .cutOff
            case CURLE_LOGIN_DENIED, CURLE_REMOTE_ACCESS_DENIED: .refused
            default: .broken
            }
        self.init(kind, text)
    }
}

extension CURLcode {
    fileprivate func check(_ option: CURLoption) throws(CurlError) {
        guard self == CURLE_OK else {
            throw CurlError(
                .missing,
                "this libcurl cannot do what is needed (option \(option.rawValue)): it is too old, or has no TLS")
        }
    }
}
