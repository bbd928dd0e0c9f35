internal import Hypervisor

/// The name of a place in a page: small letters, digits and hyphens.
struct Anchor: Sendable, Hashable {
    let text: String

    init(_ literal: StaticString) {
        text = literal.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
    }

    /// Where the page says what a reason means; nil for one that this version does not know.
    init?(_ reason: ReasonCode) {
        guard ReasonCode.all.contains(reason) else { return nil }
        text = "reason-\(reason.rawValue)"
    }
}
