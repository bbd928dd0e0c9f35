internal import CCurl
internal import Support

/// What libcurl says of a call that failed.
struct CurlFailure {
    let code: CURLcode
    let text: String
    let url: String
    let check: CertificateCheck
    let limits: CurlLimits

    /// The failure by its kind, with its fix.
    func classified(isTooLong: Bool) -> CallFailure {
        if isTooLong {
            return CallFailure(
                .tooLong, "\(url) answers with more than \(limits.bytes >> 20) MiB: is it a vSphere server?")
        }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST:
            return CallFailure(.unreachable, "the name in \(url) cannot be resolved; check url and DNS")
        case CURLE_COULDNT_CONNECT:
            return CallFailure(.unreachable, "nothing answers at \(url); check url, and that the server is up")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR:
            return CallFailure(.certificate, untrusted)
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            return CallFailure(
                .certificate, "another connection to \(url) shows another certificate: somebody may be in between")
        case CURLE_SSL_CACERT_BADFILE:
            return CallFailure(.certificate, "\(authorities) cannot be read as certificates: \(text)")
        case CURLE_SSL_CONNECT_ERROR:
            return CallFailure(.unreachable, "no TLS connection to \(url): \(text)")
        case CURLE_OPERATION_TIMEDOUT:
            return CallFailure(.timedOut, "no answer from \(url) within \(limits.whole.text)")
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return CallFailure(.certificate, "\(url) is no address: it must look like https://vc1.example.com/sdk")
        case CURLE_PARTIAL_FILE:
            return CallFailure(.dropped, "\(url) broke off in the middle of its answer")
        default:
            return CallFailure(.dropped, "the connection to \(url) broke: \(text)")
        }
    }

    private var authorities: String {
        if case .certificates(let path) = check { return "ca_file = \(path)" }
        return "this host's CA certificates"
    }

    private var untrusted: String {
        let fix =
            switch check {
            case .certificates(let path): "\(path), the ca_file, must have its issuer's certificate"
            default: "name its issuer's certificate with ca_file"
            }
        return
            "the certificate of \(url) is not trusted (\(text)); \(fix), or set thumbprint to what this prints, once "
            + "you have compared that on the server's console: openssl s_client -connect \(hostAndPort(url)) </dev/null "
            + "| openssl x509 -noout -fingerprint -sha256"
    }
}

/// `vc1.example.com:443` of `https://vc1.example.com/sdk`.
func hostAndPort(_ url: String) -> String {
    let rest = url.hasPrefix("https://") ? url.dropFirst(8) : url[...]
    let host = rest.prefix { $0 != "/" && $0 != "?" }
    // What follows the last bracket of an IPv6 address may be a port.
    let afterAddress = host.lastIndex(of: "]").map { host[$0...] } ?? host
    return afterAddress.contains { $0 == ":" } ? String(host) : "\(host):443"
}
