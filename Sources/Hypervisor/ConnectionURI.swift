internal import Support

/// A connection URI of libvirt's, as far as it says how the daemon is reached (libvirt.org/uri.html):
/// `qemu+ssh://root@kvm1/system?keyfile=…`.
public struct ConnectionURI: Sendable, Equatable {
    private let text: String
    /// `ssh`, `tls`, `unix`; nil where it does not say.
    private let transport: String?
    /// With the account and the port; empty for this host.
    private let authority: String
    /// `no_tty=1`.
    private let parameters: [Substring]

    /// Takes any text apart; an alias of libvirt.conf has no parts.
    public init(_ text: String) {
        self.text = text
        let mark = text.indices.first { text[$0...].hasPrefix("://") }
        let scheme = mark.map { text[..<$0] } ?? ""
        let rest = mark.map { text[$0...].dropFirst(3) } ?? ""
        transport = scheme.split(separator: "+", maxSplits: 1).dropFirst().first.map { $0.lowercased() }
        authority = String(rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" })
        let query = rest.drop { $0 != "?" }.dropFirst().prefix { $0 != "#" }
        parameters = query.split { $0 == "&" || $0 == ";" }
    }

    /// Whether the daemon is reached over a network, and so is another host's as far as anybody can tell.
    public var isOfAnotherHost: Bool {
        !authority.isEmpty || transport.map { !["unix", "native"].contains($0) } == true
    }

    /// The same for two URIs of one daemon, as far as their text tells: `qemu+unix:///system` is `qemu:///system`.
    public var daemon: String {
        guard !isOfAnotherHost, transport != nil, let plus = text.firstIndex(of: "+"),
            let colon = text.firstIndex(of: ":")
        else { return text }
        return String(text[..<plus] + text[colon...])
    }

    /// The same, so that ssh asks nobody for a password or whether it may trust a host (`no_tty`: BatchMode).
    public var asksNobody: String {
        guard let transport, ["ssh", "libssh", "libssh2"].contains(transport), value(of: "no_tty") == nil else {
            return text
        }
        let end = text.firstIndex(of: "#") ?? text.endIndex
        let mark = text[..<end].contains("?") ? "&" : "?"
        return text[..<end] + mark + "no_tty=1" + text[end...]
    }

    /// Whether it wants ssh to ask on the terminal, where nobody is.
    public var mayAsk: Bool { value(of: "no_tty").map { $0.allSatisfy { $0 == "0" } } ?? false }

    private func value(of name: String) -> Substring? {
        parameters.first { $0.prefix { $0 != "=" } == name }.map { $0.drop { $0 != "=" }.dropFirst() }
    }
}
