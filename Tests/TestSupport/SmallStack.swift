import Glibc

/// Does something on a thread with a stack of 512 KiB, and waits for its end.
/// - Returns: what it cost the processor.
public func onSmallStack(_ body: @escaping @Sendable () -> Void) -> Duration {
    final class Work {
        let body: @Sendable () -> Void
        var time = Duration.zero
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 512 << 10)
    var thread = pthread_t()
    let work = Work(body)
    let status = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
            work.time = processorTime { work.body() }
            return nil
        }, Unmanaged.passRetained(work).toOpaque())
    precondition(status == 0)
    pthread_join(thread, nil)
    return work.time
}
