internal import Glibc

/// An IPv4 or IPv6 address, compared by value: `::ffff:192.0.2.1` is `192.0.2.1`, and `2001:DB8::1` is `2001:db8:0::1`.
struct NetworkAddress: Hashable, Sendable {
    /// In the network's order: 4 or 16.
    let bytes: [UInt8]

    /// Takes 4 or 16 bytes; IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2) is IPv4.
    private init(bytes: [UInt8]) {
        let mapped: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]
        self.bytes = bytes.starts(with: mapped) ? Array(bytes[12...]) : bytes
    }

    /// Reads an address as inet_pton(3) does, with brackets or a zone (`fe80::1%vmk0`) too; nil for a host's name.
    init?(_ text: String) {
        var text = text.prefix { $0 != "%" }
        if text.first == "[" { text = text.dropFirst().prefix { $0 != "]" } }
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, String(text), &bytes) == 1 {
            self.init(bytes: Array(bytes[..<4]))
        } else if inet_pton(AF_INET6, String(text), &bytes) == 1 {
            self.init(bytes: bytes)
        } else {
            return nil
        }
    }

    /// Takes the address out of a socket's; nil for other families.
    init?(_ address: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let address = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            self.init(bytes: withUnsafeBytes(of: address) { Array($0) })
        case AF_INET6:
            let address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            self.init(bytes: withUnsafeBytes(of: address) { Array($0) })
        default: return nil
        }
    }

    /// 127.0.0.0/8 or ::1.
    var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes == Array(repeating: 0, count: 15) + [1]
    }

    /// The addresses of this host's interfaces.
    static func ofThisHost() -> Set<NetworkAddress> {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: Set<NetworkAddress> = []
        var next = list
        while let entry = next?.pointee {
            if let address = entry.ifa_addr, let value = NetworkAddress(address) { found.insert(value) }
            next = entry.ifa_next
        }
        return found
    }
}
