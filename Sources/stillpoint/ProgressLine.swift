import Glibc
import Operator
import Support
import Synchronization

/// One line of a terminal that says how far long work has come.
final class ProgressLine: Sendable {
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    /// Nil where standard error is no terminal.
    static func onTerminal() -> Operator.Progress? {
        guard isatty(STDERR_FILENO) == 1 else { return nil }
        let line = ProgressLine()
        return { line.show($0, $1, $2) }
    }

    private func show(_ what: String, _ done: UInt64, _ total: UInt64) {
        let isOver = done >= total
        let isDue = last.withLock { last in
            let now = ContinuousClock.now
            guard isOver || last.map({ $0.duration(to: now) > .milliseconds(100) }) ?? true else { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let percent = total == 0 ? 100 : min(100, done * 100 / total)
        write("\r\u{1B}[K\(printable(what)): \(percent) % of \(total >> 20) MiB\(isOver ? "\n" : "")")
    }

    private func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }
}

/// Where a message is written.
enum Stream {
    case output, errors
}

func print(_ text: String, to stream: Stream) {
    var line = text + "\n"
    line.withUTF8 { bytes in
        _ = write(stream == .output ? STDOUT_FILENO : STDERR_FILENO, bytes.baseAddress, bytes.count)
    }
}
