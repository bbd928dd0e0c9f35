internal import SystemPackage

extension ChildProcess {
    /// Runs a program that changes something: what process it is has been recorded before its first instruction, so that
    /// whoever comes after this process can end it (``ProcessIdentity/endSession(marked:proc:)``).
    ///
    /// It has a session of its own, the folder `/`, and nothing open but its standard input, output and error. What it has
    /// started in this session ends with it; what shall live on goes into another one (setsid(1)).
    /// - Parameters:
    ///   - path: the program, absolute; it is started by it.
    ///   - input: what it reads as standard input.
    ///   - outputLimit: bytes of standard output.
    ///   - record: makes durable that there is this process; it does nothing before.
    /// - Throws: ``Failure``, or what `record` throws; nothing was done then.
    public static func runRecorded(
        _ path: String, _ arguments: [String], environment: [String: String], input: [UInt8], within limit: Duration,
        outputLimit: Int, record: @Sendable (ProcessIdentity) async throws -> Void
    ) async throws -> Outcome {
        let (child, start): (RunningChild, SuspendedStart)
        do throws(Errno) {
            child = try RunningChild(end: .now + limit, outputLimit: outputLimit)
            start = try SuspendedStart(input: input)
        } catch {
            throw Failure.notStarted(error)
        }
        async let outcome = watched(child, [path] + arguments, environment, start)
        guard let process = await start.process() else {
            child.cancel()
            let result = await outcome
            if case .failure(.cancelled(isGone: true)) = result { throw Failure.notStarted(.noSuchProcess) }
            return try result.get()
        }
        do {
            try await record(process)
        } catch {
            child.cancel()
            _ = await outcome
            throw error
        }
        start.begin()
        return try await outcome.get()
    }

    private static func watched(
        _ child: RunningChild, _ command: [String], _ environment: [String: String], _ start: SuspendedStart
    ) async -> Result<Outcome, Failure> {
        let result = await outcome(of: child, command, environment, .suspended(start))
        start.giveUp()
        return result
    }
}
