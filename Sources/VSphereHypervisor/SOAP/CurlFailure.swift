internal import Curl
internal import Hypervisor
internal import Support

/// A call to a server that failed.
struct CurlFailure {
    let cause: CurlError
    let url: String
    let check: CertificateCheck
    let limits: CurlLimits

    /// The failure by its kind, with its fix: a HypervisorError where there was no call, else a CallFailure.
    var classified: any Error {
        switch cause.kind {
        case .missing:
            return HypervisorError(
                .unreachable, "\(cause.text), without which no vSphere server can be reached", remedy: .stop)
        case .noMemory: return HypervisorError(.unreachable, cause.text, remedy: .retry)
        case .tooLong:
            return CallFailure(
                .tooLong, "\(url) answers with more than \(limits.bytes >> 20) MiB: is it a vSphere server?")
        case .unresolved:
            return CallFailure(.unreachable, "the name in \(url) cannot be resolved; check url and DNS")
        case .unreachable:
            return CallFailure(.unreachable, "nothing answers at \(url); check url, and that the server is up")
        case .untrusted: return CallFailure(.certificate, untrusted)
        case .otherKey:
            return CallFailure(
                .certificate, "another connection to \(url) shows another certificate: somebody may be in between")
        case .badAuthorities:
            return CallFailure(.certificate, "\(authorities) cannot be read as certificates: \(cause.text)")
        case .noTLS: return CallFailure(.unreachable, "no TLS connection to \(url): \(cause.text)")
        case .timedOut: return CallFailure(.timedOut, "no answer from \(url) within \(limits.whole.text)")
        case .badAddress:
            return CallFailure(.certificate, "\(url) is no address: it must look like https://vc1.example.com/sdk")
        case .cutOff: return CallFailure(.dropped, "\(url) broke off in the middle of its answer")
        case .refused, .broken: return CallFailure(.dropped, "the connection to \(url) broke: \(cause.text)")
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
            "the certificate of \(url) is not trusted (\(cause.text)); \(fix), or set thumbprint to what this prints, once "
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
