/// A version of the vSphere API, as `about.apiVersion` has it: `6.7.3`, `8.0.2.0`.
struct APIVersion: Sendable, Equatable, Comparable {
    let major: Int
    let minor: Int

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".").map { Int($0) }
        guard let first = parts.first, let major = first else { return nil }
        self.init(major: major, minor: parts.count > 1 ? parts[1] ?? 0 : 0)
    }

    static func < (left: APIVersion, right: APIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    /// What is said before the server has told its version: every server understands it.
    static let first = "urn:vim25/6.0"

    /// The newest version that this server speaks and that we know, as SOAPAction says it. A newer server speaks the
    /// older ones too.
    var action: String {
        switch self {
        case APIVersion(major: 8, minor: 0)...: "urn:vim25/8.0.0.0"
        case APIVersion(major: 7, minor: 0)...: "urn:vim25/7.0"
        case APIVersion(major: 6, minor: 7)...: "urn:vim25/6.7"
        case APIVersion(major: 6, minor: 5)...: "urn:vim25/6.5"
        default: Self.first
        }
    }

    /// Whether CreateSnapshotEx_Task is there.
    var hasSnapshotEx: Bool { self >= APIVersion(major: 6, minor: 5) }
}
