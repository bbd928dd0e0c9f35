internal import Glibc
internal import Logging
internal import Support

/// Log lines to the system's log, for processes whose standard error nobody reads: to its socket, as syslog(3) writes them.
///
/// Not by syslog(3): that waits where nobody takes what is in the socket, and the watchdog must not.
struct SystemLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info
    private let socket: String

    init(socket: String = "/dev/log") { self.socket = socket }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = printable("\(event.message)", limit: 2000)
        // LOG_DAEMON, 3, times 8 and the priority.
        send("<\(3 << 3 | event.level.priority)>stillpoint[\(getpid())]: \(text)")
    }

    /// Nobody is left to tell where there is no log, or one that is full.
    private func send(_ line: String) {
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let isNamed = withUnsafeMutableBytes(of: &address.sun_path) { place in
            guard socket.utf8.count < place.count else { return false }
            place.copyBytes(from: socket.utf8)
            return true
        }
        guard isNamed else { return }
        let bytes = Array(line.utf8)
        let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let length = socklen_t(MemoryLayout<sockaddr_un>.size)
                _ = sendto(descriptor, bytes, bytes.count, flags, address, length)
            }
        }
    }
}

extension ProgramContext {
    /// The same, with a log that somebody reads: the system's, where standard error is nowhere, as in the background.
    package var inBackground: ProgramContext {
        var status = stat()
        // /dev/null is 1:3 (the kernel's devices.txt).
        guard fstat(STDERR_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFCHR, status.st_rdev == 0x103
        else { return self }
        var context = self
        context.log = Logger(label: "stillpoint") { _ in SystemLog() }
        return context
    }
}
