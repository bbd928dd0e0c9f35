internal import Glibc
internal import Synchronization

/// The addresses behind a host's name, asked of the system's resolver for no longer than a limit.
enum NameLookup {
    /// The addresses; nil when the resolver does not answer in time.
    ///
    /// getaddrinfo(3) cannot be interrupted, and with a dead name server it takes tens of seconds: it runs on a thread
    /// of its own, which is left alone when the limit has passed.
    static func addresses(of name: String, within limit: Duration) -> Set<NetworkAddress>? {
        var ends: [Int32] = [-1, -1]
        // The lookup closes its end when it is done; a pair of sockets, for it can be made close-on-exec at once.
        let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue
        guard limit > .zero, socketpair(AF_UNIX, Int32(type), 0, &ends) == 0 else { return nil }
        defer { close(ends[0]) }
        let lookup = Unmanaged.passRetained(Lookup(name: name, done: ends[1]))
        let answer = lookup.takeUnretainedValue()
        var thread = pthread_t()
        guard pthread_create(&thread, nil, lookUp, lookup.toOpaque()) == 0 else {
            lookup.release()
            close(ends[1])
            return nil
        }
        pthread_detach(thread)
        return isClosed(ends[0], within: limit) ? answer.addresses.withLock { $0 } : nil
    }

    /// Waits until the other end is closed.
    private static func isClosed(_ descriptor: Int32, within limit: Duration) -> Bool {
        let end = ContinuousClock.now + limit
        while true {
            let left = ContinuousClock.now.duration(to: end)
            guard left > .zero else { return false }
            let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&event, 1, Int32(clamping: milliseconds)) > 0 { return true }
        }
    }

    fileprivate final class Lookup: Sendable {
        let name: String
        let done: Int32
        let addresses = Mutex<Set<NetworkAddress>>([])

        init(name: String, done: Int32) {
            self.name = name
            self.done = done
        }

        func run() {
            defer { close(done) }
            var list: UnsafeMutablePointer<addrinfo>?
            guard getaddrinfo(name, nil, nil, &list) == 0 else { return }
            defer { freeaddrinfo(list) }
            var found: Set<NetworkAddress> = []
            var next = list
            while let entry = next?.pointee {
                if let address = entry.ai_addr, let value = NetworkAddress(address) { found.insert(value) }
                next = entry.ai_next
            }
            addresses.withLock { $0 = found }
        }
    }
}

private nonisolated func lookUp(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<NameLookup.Lookup>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}
