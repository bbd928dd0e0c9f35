internal import Support

/// A mail address as it stands in an envelope: `root`, `ops@example.com`.
package enum MailAddress {
    /// Those between commas, without blanks around them.
    static func list(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimmed() }
    }

    /// No quotes, comments or names: nothing that a header or a mail server could take for more than the address.
    static func isValid(_ text: String) -> Bool {
        let others = Set("!#$%&'*+-/=?^_`{|}~.@".utf8)
        return (1...254).contains(text.utf8.count) && !text.hasPrefix("-") && !text.hasPrefix("@")
            && !text.hasSuffix("@")
            && text.utf8.allSatisfy { $0.isLetterOrDigit || others.contains($0) } && text.filter { $0 == "@" }.count < 2
    }
}

/// The address of a server that is told something.
package struct ServerAddress: Sendable, Equatable {
    package let scheme: String
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    package let host: String
    /// With the port, where there is one.
    package let authority: String

    /// Nil where it has none of the schemes, no host, or an account.
    package init?(_ url: String, schemes: [String]) {
        guard let scheme = schemes.first(where: { url.hasPrefix("\($0)://") }),
            url.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
        else { return nil }
        self.scheme = scheme
        let authority = url.dropFirst(scheme.count + 3).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.contains("@") else { return nil }
        let end = authority.hasPrefix("[") ? authority.firstIndex(of: "]").map { authority.index(after: $0) } : nil
        let host = end.map { authority[..<$0] } ?? authority.prefix { $0 != ":" }
        let port = authority[host.endIndex...]
        guard !host.isEmpty, !authority.hasPrefix("[") || end != nil else { return nil }
        guard port.isEmpty || port.hasPrefix(":") && UInt16(port.dropFirst()) ?? 0 > 0 else { return nil }
        self.host = String(host)
        self.authority = String(authority)
    }

    /// What is said to it does not leave this host.
    package var isLoopback: Bool {
        host == "localhost" || host == "[::1]"
            || host.hasPrefix("127.") && host.split(separator: ".").count == 4
                && host.split(separator: ".").allSatisfy { UInt8($0) != nil }
    }
}

extension KeyType<String> {
    static var mailAddress: Self {
        Self(
            summary: .text("mail address"),
            parse: { text throws(BadValue) in
                guard MailAddress.isValid(text) else {
                    throw BadValue(wanted: "must be a mail address alone: root, or ops@example.com")
                }
                return text
            })
    }

    static var mailAddresses: Self {
        Self(
            summary: .text("mail address; several between commas"),
            parse: { text throws(BadValue) in
                let all = MailAddress.list(text)
                guard all.allSatisfy(MailAddress.isValid), all.count <= 50 else {
                    throw BadValue(
                        wanted: "must be mail addresses alone, between commas, 50 at most: root, ops@example.com")
                }
                return text
            })
    }

    /// An account's name.
    static var account: Self {
        Self(
            summary: .text("text"),
            parse: { text throws(BadValue) in
                guard text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
                    throw BadValue(wanted: "must have no control characters")
                }
                return text
            })
    }

    static var smtpURL: Self {
        Self(
            summary: .text("`smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`"),
            parse: { text throws(BadValue) in
                guard let server = ServerAddress(text, schemes: ["smtp", "smtps"]),
                    text == "\(server.scheme)://\(server.authority)"
                else {
                    throw BadValue(
                        wanted: "must be smtp://HOST[:PORT] or smtps://HOST[:PORT]; an account is smtp_username",
                        isSecret: text.contains("@"))
                }
                return text
            })
    }

    /// Whoever knows it may post there, so it is in no message.
    static var webhookURL: Self {
        Self(
            summary: .text("`https://…`, without an account; `http://…` on this host itself"),
            parse: { text throws(BadValue) in
                guard let server = ServerAddress(text, schemes: ["https", "http"]) else {
                    throw BadValue(
                        wanted:
                            "must be https://HOST…, without account or blanks; an account is a line of webhook_header_file",
                        isSecret: true)
                }
                guard server.scheme == "https" || server.isLoopback else {
                    throw BadValue(wanted: "must be https://… unless it is on this host (127.0.0.1)", isSecret: true)
                }
                return text
            })
    }
}
