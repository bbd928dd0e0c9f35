internal import CLinux
internal import Glibc

/// A process, however often its number is given to another one after its end.
public struct ProcessHandle: ~Copyable {
    private let descriptor: Int32

    /// - Returns: nil where there is no such process.
    public init?(_ process: Int32) {
        let opened = stillpoint_pidfd_open(process)
        guard opened >= 0 else { return nil }
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// Sends it a signal.
    public borrowing func send(_ signal: Int32) { _ = stillpoint_pidfd_send_signal(descriptor, signal) }

    /// Kills it, and waits for its end.
    /// - Returns: false where it lives on for so many milliseconds.
    public borrowing func kill(within milliseconds: Int32) -> Bool {
        _ = stillpoint_pidfd_send_signal(descriptor, SIGKILL)
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }
}
