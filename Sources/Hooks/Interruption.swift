internal import Engine
internal import Glibc
package import Logging
internal import Support
internal import Synchronization

/// Ctrl-C and its like: what is frozen is released before the program ends. Asked a second time, it ends at once, and the
/// watchdog releases.
package final class Interruption: Sendable {
    private let isAskedFor = Atomic(false)

    package init() {}

    package var isAsked: Bool { isAskedFor.load(ordering: .relaxed) }

    package func ask() { isAskedFor.store(true, ordering: .relaxed) }

    /// Takes the signals for itself; for the main thread, before there is any other.
    package static func ofThisProcess(_ log: Logger) -> Interruption {
        let interruption = Interruption()
        let numbers = [SIGINT, SIGTERM, SIGHUP].filter { !isIgnored($0) }
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in numbers { sigaddset(&signals, number) }
        guard !numbers.isEmpty, pthread_sigmask(SIG_BLOCK, &signals, nil) == 0 else { return interruption }
        let isWaiting = hasStartedThread { [signals] in
            var signals = signals
            var number: Int32 = 0
            while true {
                guard sigwait(&signals, &number) == 0 else { continue }
                if interruption.isAsked {
                    log.error("ended; what is frozen is released by its watchdog, or by: stillpoint recover")
                    _exit(ExitCode.needsRecovery.rawValue)
                }
                interruption.ask()
                log.warning("asked to end: all is released first; once more, and the watchdog does that")
            }
        }
        if !isWaiting { pthread_sigmask(SIG_UNBLOCK, &signals, nil) }
        return interruption
    }

    /// As nohup(1) leaves SIGHUP: one that is blocked would come all the same (signal(7)).
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}
