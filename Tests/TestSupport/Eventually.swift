/// Asks again until it is so, for what another process or thread does in its own time.
/// - Returns: false if it was not so within 60 seconds, which only a failure takes.
public func eventually(_ isSo: () throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
        if try isSo() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return try isSo()
}
