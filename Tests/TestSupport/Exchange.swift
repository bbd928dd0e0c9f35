internal import Glibc
internal import Support
internal import Synchronization

/// Somebody who may write to a folder: exchanges a name in it for a symbolic link and back, again and again
/// (renameat2(2) with RENAME_EXCHANGE, so that at no instant nothing is there), while something else is done at that name.
public struct Exchange: Sendable {
    /// Exchanges that are made at least.
    public static let rounds = 10_000
    private static let fewestAttempts = 300

    private let path: String
    private let link: String
    private let target: String

    /// - Parameters:
    ///   - path: what is exchanged for a link; the link lies beside it.
    ///   - target: what the link leads to.
    public init(_ path: String, forLinkTo target: String) {
        self.path = path
        self.target = target
        link = path + ".theirs"
    }

    /// What happened meanwhile.
    public struct Outcome: Sendable {
        /// How often the two names were exchanged.
        public var exchanges = 0
        /// How often `attempt` ended without an error, and with one.
        public var (successes, failures) = (0, 0)
    }

    /// Calls `attempt` until there were enough exchanges and attempts, or half a minute has passed.
    /// - Parameter mustSucceed: until one has succeeded as well.
    public func during(mustSucceed: Bool = false, _ attempt: () throws -> Void) -> Outcome {
        let loop = Loop()
        symlink(target, link)
        startThread {
            while !loop.isOver.load(ordering: .relaxed) {
                if renameExchanging(path, link) {
                    loop.exchanges.add(1, ordering: .relaxed)
                    // Two links, as after a removal, would be all that there ever is again.
                    if Self.isLink(path), Self.isLink(link) {
                        unlink(path)
                        usleep(500)
                    }
                } else {
                    // Something was removed: what there is is moved to its place, and a new link beside it.
                    _ = renameAbsent(link, path)
                    symlink(target, link)
                }
            }
            loop.hasEnded.store(true, ordering: .releasing)
        }
        var outcome = Outcome()
        let end = ContinuousClock.now + .seconds(30)
        while outcome.exchanges < Self.rounds || outcome.successes + outcome.failures < Self.fewestAttempts
            || mustSucceed && outcome.successes == 0
        {
            guard .now < end else { break }
            do {
                try attempt()
                outcome.successes += 1
            } catch {
                outcome.failures += 1
            }
            outcome.exchanges = loop.exchanges.load(ordering: .relaxed)
        }
        loop.isOver.store(true, ordering: .relaxed)
        while !loop.hasEnded.load(ordering: .acquiring), .now < end + .seconds(10) { usleep(1000) }
        return outcome
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    private final class Loop: Sendable {
        let isOver = Atomic(false)
        let hasEnded = Atomic(false)
        let exchanges = Atomic(0)
    }
}

private typealias Renaming =
    @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32

// In glibc, but not in Swift's module of it.
private let renameat2 = dlsym(nil, "renameat2").map { unsafeBitCast($0, to: Renaming.self) }

private func renameExchanging(_ one: String, _ other: String) -> Bool {
    renameat2.map { $0(AT_FDCWD, one, AT_FDCWD, other, 2) == 0 } ?? false
}

private func renameAbsent(_ one: String, _ other: String) -> Bool {
    renameat2.map { $0(AT_FDCWD, one, AT_FDCWD, other, 1) == 0 } ?? false
}
