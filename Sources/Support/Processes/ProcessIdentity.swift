internal import Glibc

/// Which process it is, however often its number is given to another one and the host is started anew.
public struct ProcessIdentity: Sendable, Codable, Equatable {
    /// `/proc/sys/kernel/random/boot_id` when it began.
    public let boot: String
    /// Its number.
    public let id: Int32
    /// When it began, in clock ticks since the host was started.
    public let began: Int64

    /// An identity of these.
    public init(boot: String, id: Int32, began: Int64) {
        self.boot = boot
        self.id = id
        self.began = began
    }

    /// - Returns: nil where there is no such process.
    public init?(of id: Int32, proc: String = "/proc") {
        guard let status = ProcessStatus(of: id, proc: proc), let boot = Self.boot(proc) else { return nil }
        self.init(boot: boot, id: id, began: status.began)
    }

    private static func boot(_ proc: String) -> String? {
        (try? FileAccess.read("\(proc)/sys/kernel/random/boot_id", limit: 64)).map { text in
            String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
    }

    /// Ends it with what it has started in its session: SIGTERM, and SIGKILL a second later. Blocks for three seconds at
    /// most.
    /// - Parameter mark: `NAME=value`, a variable that it was started with, by which those are known whose starter is gone.
    /// - Returns: whether none of them lives any more.
    public func endSession(marked mark: String, proc: String = "/proc") -> Bool {
        for (signal, rounds) in [(SIGTERM, 20), (SIGKILL, 40)] {
            for _ in 0..<rounds {
                let left = living(mark, proc)
                if left.isEmpty { return true }
                for process in left { process.status.send(signal, to: process.id, proc: proc) }
                usleep(50_000)
            }
        }
        return living(mark, proc).isEmpty
    }

    private func living(_ mark: String, _ proc: String) -> [(id: pid_t, status: ProcessStatus)] {
        guard Self.boot(proc) == boot else { return [] }
        let first = ProcessStatus(of: id, proc: proc)
        // A number is given away again only when nobody of that session lives.
        if let first, first.began != began { return [] }
        let others = SessionProcesses(of: id, proc: proc).living.filter {
            first != nil || Self.has(mark, $0.id, proc)
        }
        guard let first, first.isAlive else { return others }
        return [(id, first)] + others
    }

    private static func has(_ mark: String, _ id: pid_t, _ proc: String) -> Bool {
        let variables = (try? FileAccess.read("\(proc)/\(id)/environ", limit: 1 << 20)) ?? []
        return variables.split(separator: 0).contains { $0.elementsEqual(mark.utf8) }
    }
}
