internal import Glibc

/// What the kernel says of a process (proc(5), `/proc/PID/stat`).
public struct ProcessStatus: Sendable {
    /// What it is called, 15 characters at most.
    public let name: String
    /// `S`, `R`, `T` (stopped), `Z` (ended, and not waited for yet)…
    public let state: Character
    /// The process that started it, or took it over.
    public let parent: Int32
    /// The session it belongs to, by the process that made it (setsid(2)).
    public let session: Int32
    /// When it began, in clock ticks since the host was started: with its number it names a process, since numbers are used
    /// again.
    public let began: Int64

    /// - Returns: nil where there is no such process.
    public init?(of id: Int32, proc: String = "/proc") {
        // `123 (any name, even with ) in it) S 1 …`
        guard let bytes = try? FileAccess.read("\(proc)/\(id)/stat", limit: 4096, followingLinks: false),
            let open = bytes.firstIndex(of: UInt8(ascii: "(")), let close = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = String(decoding: bytes[(close + 1)...], as: UTF8.self).split(separator: " ")
        guard fields.count > 19, let state = fields[0].first, let parent = Int32(fields[1]),
            let session = Int32(fields[3]), let began = Int64(fields[19])
        else { return nil }
        name = String(decoding: bytes[(open + 1)..<close], as: UTF8.self)
        self.state = state
        self.parent = parent
        self.session = session
        self.began = began
    }

    /// For how long it has been there; nil where the clock cannot be read.
    public var age: Duration? { Self.age(began: began) }

    /// - Parameter began: in clock ticks since the host was started.
    public static func age(began: Int64) -> Duration? {
        var now = timespec()
        let ticks = sysconf(Int32(_SC_CLK_TCK))
        guard ticks > 0, clock_gettime(CLOCK_BOOTTIME, &now) == 0 else { return nil }
        let age = Duration.seconds(now.tv_sec) + .nanoseconds(now.tv_nsec) - Duration.seconds(began) / ticks
        return max(age, .zero)
    }
}
