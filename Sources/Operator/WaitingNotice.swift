internal import Glibc
internal import Support
internal import SystemPackage

/// Does something that may hang, and says on a terminal after some seconds what is being waited for.
/// - Parameter what: stands behind "waiting for": "the hypervisors".
func whileWaiting<Value: Sendable>(for what: String, _ body: @Sendable () async throws -> Value) async rethrows -> Value
{
    guard isatty(STDERR_FILENO) == 1 else { return try await body() }
    return try await whileWaiting(
        for: what, within: .seconds(3),
        say: { line in
            _ = try? FileDescriptor.standardError.writeAll("\(line)\n".utf8)
        }, body)
}

/// - Parameters:
///   - limit: how long nothing is said.
///   - say: told once.
func whileWaiting<Value: Sendable>(
    for what: String, within limit: Duration, say: @escaping @Sendable (String) -> Void,
    _ body: @Sendable () async throws -> Value
) async rethrows -> Value {
    let timer = TimerQueue.shared.add(at: .now + limit) { say("waiting for \(what)…") }
    defer { TimerQueue.shared.remove(timer) }
    return try await body()
}
