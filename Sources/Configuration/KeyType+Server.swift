internal import Hypervisor
internal import Support

/// What is said where a server's address is missing, or is none.
let serverURLWanted = "the server's address is needed, such as https://vc1.example.com/sdk"

extension KeyType<String> {
    static var serverURL: Self {
        Self(
            summary: .text("`https://HOST/sdk`, without account or query"),
            parse: { url throws(BadValue) in
                // Before anything that would print it.
                guard !url.contains(where: { $0 == "@" || $0 == "?" || $0 == "#" || $0.isWhitespace }) else {
                    throw BadValue(
                        wanted: "must not hold an account, a query or blanks; set username and password_file",
                        isSecret: true)
                }
                guard url.hasPrefix("https://"), url.utf8.count > 8 else { throw BadValue(wanted: serverURLWanted) }
                return url
            })
    }

    /// A URI is written into messages, and into the state of other programs.
    static var libvirtURI: Self {
        Self(
            summary: .text("libvirt's connection URI, without a password"),
            parse: { uri throws(BadValue) in
                guard !hasPassword(uri) else {
                    throw BadValue(
                        wanted:
                            "must not hold a password; take it out, and set up a key or a certificate for the account",
                        isSecret: true)
                }
                guard !ConnectionURI(uri).mayAsk else {
                    throw BadValue(
                        wanted:
                            "would have ssh ask on a terminal, where nobody answers; remove no_tty=0, and set up a key")
                }
                return uri
            })
    }

    static var thumbprint: Self {
        Self(
            summary: .text("SHA-256, 64 hexadecimal digits, colons allowed"),
            parse: { text throws(BadValue) in
                let digits = text.filter { $0 != ":" }.lowercased()
                guard digits.utf8.count == 64, digits.allSatisfy({ $0.isHexDigit && $0.isASCII }) else {
                    throw BadValue(
                        wanted: "must be the certificate's SHA-256, 64 hexadecimal digits, colons allowed")
                }
                return digits
            })
    }
}

/// Whether a URI has a password: before the host, or among the parameters behind the question mark.
///
/// In doubt it has: a password may hold what else would end it.
func hasPassword(_ uri: String) -> Bool {
    let scheme = uri.indices.first { uri[$0...].hasPrefix("://") }
    let rest = scheme.map { uri[$0...].dropFirst(3) } ?? uri[...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    if let account = authority.lastIndex(of: "@") {
        if authority[..<account].contains(":") { return true }
    } else if rest.contains("@"), !authority.hasPrefix("["), authority.contains(":") {
        return true
    }
    return uri.lowercased().has("password=")
}
