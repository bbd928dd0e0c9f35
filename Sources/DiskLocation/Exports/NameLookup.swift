internal import Dispatch
internal import Glibc
internal import Support
internal import Synchronization

/// The addresses behind a host's name, asked of the system's resolver for no longer than a limit.
enum NameLookup {
    /// The addresses; nil when the resolver does not answer in time.
    ///
    /// getaddrinfo(3) cannot be interrupted, and with a dead name server it takes tens of seconds: it runs on a thread
    /// of its own, which is abandoned when the limit has passed.
    static func addresses(of name: String, within limit: Duration) -> Set<NetworkAddress>? {
        let answer = Answer()
        let isStarted =
            limit > .zero
            && hasStartedThread {
                let found = resolve(name)
                answer.addresses.withLock { $0 = found }
                answer.isThere.signal()
            }
        guard isStarted, answer.isThere.wait(timeout: .now() + .milliseconds(Int(limit.milliseconds + 1))) == .success
        else { return nil }
        return answer.addresses.withLock { $0 }
    }

    private final class Answer: Sendable {
        let addresses = Mutex<Set<NetworkAddress>>([])
        let isThere = DispatchSemaphore(value: 0)
    }

    private static func resolve(_ name: String) -> Set<NetworkAddress> {
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, nil, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: Set<NetworkAddress> = []
        var next = list
        while let entry = next?.pointee {
            if let address = entry.ai_addr, let value = NetworkAddress(address) { found.insert(value) }
            next = entry.ai_next
        }
        return found
    }
}
