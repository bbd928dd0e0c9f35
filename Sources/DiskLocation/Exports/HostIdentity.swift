internal import Glibc
internal import Support
internal import Synchronization

/// What this host is called by others: its names and its addresses.
final class HostIdentity: Sendable {
    /// Answers with a name's addresses, or nil where that takes longer than the time given.
    typealias Lookup = @Sendable (String, Duration) -> Set<NetworkAddress>?

    private let hostName: String
    private let addresses: Set<NetworkAddress>
    /// What /etc/hosts says, which needs no name server.
    private let hostsFile: [String: Set<NetworkAddress>]
    private let lookUp: Lookup
    private let known: Mutex<Known>

    private struct Known {
        var answers: [String: Bool] = [:]
        var timeLeft: Duration
    }

    /// An identity with these parts.
    ///
    /// - Parameter lookupTime: what all lookups together may take: a hook must not hang on a dead name server.
    init(
        hostName: String, addresses: Set<NetworkAddress>, hostsFile: String, lookupTime: Duration = .seconds(2),
        lookUp: @escaping Lookup
    ) {
        self.hostName = Self.plain(hostName)
        self.addresses = addresses
        self.hostsFile = Self.parse(hostsFile)
        self.lookUp = lookUp
        known = Mutex(Known(timeLeft: lookupTime))
    }

    /// The host this process runs on.
    static func ofThisHost() -> HostIdentity {
        let hosts = (try? FileAccess.read("/etc/hosts", limit: 1 << 20)) ?? []
        return HostIdentity(
            hostName: Support.hostName() ?? "",
            addresses: NetworkAddress.ofThisHost(), hostsFile: String(decoding: hosts, as: UTF8.self),
            lookUp: NameLookup.addresses)
    }

    /// Whether a name or an address is this host's. A name that is not resolved in time is not.
    func isThisHost(_ host: String) -> Bool {
        if let address = NetworkAddress(host) { return isOurs(address) }
        let name = Self.plain(host)
        guard !name.isEmpty else { return false }
        // An administrator writes the bare name too where the system knows itself by the full one.
        if name == hostName || name == hostName.prefix(while: { $0 != "." }) { return true }
        if let addresses = hostsFile[name] { return addresses.contains(where: isOurs) }
        return known.withLock { known in
            if let answer = known.answers[name] { return answer }
            let begin = ContinuousClock.now
            let answer = lookUp(name, known.timeLeft)?.contains(where: isOurs) ?? false
            known.timeLeft -= begin.duration(to: .now)
            known.answers[name] = answer
            return answer
        }
    }

    private func isOurs(_ address: NetworkAddress) -> Bool { address.isLoopback || addresses.contains(address) }

    /// As names are compared: without the dot of the root, in lower case.
    private static func plain(_ name: String) -> String {
        String(name.lowercased().reversed().drop { $0 == "." }.reversed())
    }

    /// hosts(5): an address and its names a line; one name may have several addresses.
    private static func parse(_ text: String) -> [String: Set<NetworkAddress>] {
        var result: [String: Set<NetworkAddress>] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let fields = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let address = fields.first.flatMap({ NetworkAddress(String($0)) }) else { continue }
            for name in fields.dropFirst() { result[plain(String(name)), default: []].insert(address) }
        }
        return result
    }
}
