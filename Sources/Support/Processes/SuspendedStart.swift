internal import CLinux
internal import Glibc
internal import SystemPackage

/// A program that is there as a process and does nothing yet, until it has been written down that it is there.
///
/// Where the process that started it ends before, it ends too.
final class SuspendedStart: Sendable {
    private let gate: Pipe
    private let input: Int32
    // Shared with the new process alone, which ends when it has written to it.
    private nonisolated(unsafe) let number: UnsafeMutablePointer<Int32>
    private let started = AsyncStream<ProcessIdentity>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// - Parameter input: what it reads as standard input.
    init(input bytes: [UInt8]) throws(Errno) {
        gate = try Pipe()
        guard let number = stillpoint_shared_number() else { throw Errno(rawValue: errno) }
        input = bytes.withUnsafeBytes { stillpoint_memory_file($0.baseAddress, $0.count) }
        guard input >= 0 else {
            let problem = Errno(rawValue: errno)
            stillpoint_free_shared_number(number)
            throw problem
        }
        self.number = number
    }

    deinit {
        close(input)
        stillpoint_free_shared_number(number)
    }

    /// Makes the process.
    /// - Throws: the system's error number.
    func start(
        _ program: String, _ arguments: [String], _ environment: [String: String], output: Int32, error: Int32
    ) throws(Errno) -> pid_t {
        defer { started.continuation.finish() }
        let words = arguments.map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var process = pid_t()
        let status = stillpoint_start_suspended(
            &process, program, words, variables, input, output, error, gate.readEnd, number)
        guard status == 0 else { throw Errno(rawValue: status) }
        // One that nobody can name gets no leave, and ends with the gate.
        if let identity = ProcessIdentity(of: process) { started.continuation.yield(identity) }
        return process
    }

    /// The process, once there is one; nil where none could be made.
    func process() async -> ProcessIdentity? {
        for await process in started.stream { return process }
        return nil
    }

    /// Nobody needs to wait for a process any more.
    func giveUp() { started.continuation.finish() }

    /// Lets the program begin.
    func begin() { gate.signal() }

    /// Why the process could not become the program; nil where it did.
    var problem: Errno? { number.pointee == 0 ? nil : Errno(rawValue: number.pointee) }
}
