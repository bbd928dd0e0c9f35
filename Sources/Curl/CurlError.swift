/// Why a transfer by libcurl came to nothing; sorted so that its caller knows what to say and to do.
package struct CurlError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// There is no libcurl, or one without what is needed.
        case missing
        case noMemory
        case unresolved
        case unreachable
        /// The certificate is not trusted: nothing was sent.
        case untrusted
        /// The server shows another key than the one that it must have.
        case otherKey
        /// The file of certificates cannot be read as such.
        case badAuthorities
        case noTLS
        case timedOut
        case badAddress
        /// The answer broke off.
        case cutOff
        /// The answer is longer than is accepted.
        case tooLong
        /// A mail server has refused the account, the sender, a recipient or the message.
        case refused
        case broken
    }

    package let kind: Kind
    /// libcurl's own words.
    package let text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    package var description: String { text }
}
