internal import Glibc

/// Starts a detached thread; runs `body` in place when the system has no thread to give.
public func startThread(_ body: @escaping @Sendable () -> Void) {
    if !hasStartedThread(body) { body() }
}

/// Starts a detached thread; false when the system has none to give.
public func hasStartedThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    let box = Unmanaged.passRetained(ThreadBody(run: body))
    var thread = pthread_t()
    let status = pthread_create(&thread, nil, threadMain, box.toOpaque())
    guard status == 0 else {
        box.release()
        return false
    }
    pthread_detach(thread)
    return true
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
}

// Free and nonisolated: a closure that Swift takes for isolated would trap when a C library calls it.
private nonisolated func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}
