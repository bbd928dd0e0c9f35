import Glibc

/// Does something on a thread with a stack of 512 KiB, and waits for its end.
/// - Returns: how long it took.
public func onSmallStack(_ body: @escaping @Sendable () -> Void) -> Duration {
    final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 512 << 10)
    var thread = pthread_t()
    let begin = ContinuousClock.now
    let argument = Unmanaged.passRetained(Work(body)).toOpaque()
    let status = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, argument)
    precondition(status == 0)
    pthread_join(thread, nil)
    return begin.duration(to: .now)
}
