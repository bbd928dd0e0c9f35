internal import XMLTree

/// What makes a restored domain another one than its original.
struct CloneIdentity: Sendable, Equatable {
    let name: String
    let uuid: String
    /// New MAC addresses by old ones, those in lower case. One table for the definition and the RAM dump, so that both
    /// get the same.
    let macs: [String: String]

    /// An identity with these parts.
    init(name: String, uuid: String, macs: [String: String]) {
        self.name = name
        self.uuid = uuid
        self.macs = macs
    }

    /// A random identity, with an address for each that the domains have.
    init(name: String, replacing domains: [XMLElement], using generator: inout some RandomNumberGenerator) {
        let old = domains.flatMap { $0.first("devices")?.children(named: "interface") ?? [] }
            .compactMap { $0.first("mac")?["address"]?.lowercased() }
        var taken = Set(old)
        var macs: [String: String] = [:]
        for address in old where macs[address] == nil {
            var new: String
            repeat {
                // The prefix of KVM's virtual cards, which libvirt gives too (virDomainNetGenerateMAC).
                new =
                    "52:54:00:"
                    + (0..<3).map { _ in hex(UInt8.random(in: 0...255, using: &generator)) }
                    .joined(separator: ":")
            } while !taken.insert(new).inserted
            macs[address] = new
        }
        self.init(name: name, uuid: Self.uuid(using: &generator), macs: macs)
    }

    /// The name as a part of file names: as it is where it is harmless, else told apart by the UUID.
    var fileWord: String {
        let word = OverlayFile.sanitized(name, limit: 80)
        return word == name ? word : "\(word)-\(uuid.prefix(8))"
    }

    /// A random UUID (RFC 9562, version 4).
    private static func uuid(using generator: inout some RandomNumberGenerator) -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = bytes.map(hex)
        return [digits[..<4], digits[4..<6], digits[6..<8], digits[8..<10], digits[10...]]
            .map { $0.joined() }.joined(separator: "-")
    }
}

private func hex(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
}
