internal import Dispatch
internal import Synchronization

/// Runs tasks on the main thread.
///
/// A hook that finds no VM has nothing to do side by side. Here it needs none of Dispatch's threads.
package final class MainLoop: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let changed = DispatchSemaphore(value: 0)

    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        changed.signal()
    }

    /// Runs `body` to its end; for the main thread.
    /// - Throws: what `body` throws.
    package func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () async throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let result = Mutex<Result<Value, Failure>?>(nil)
        Task(executorPreference: self) {
            let ended: Result<Value, Failure>
            do throws(Failure) {
                ended = .success(try await body())
            } catch {
                ended = .failure(error)
            }
            result.withLock { $0 = ended }
        }
        while true {
            changed.wait()
            let next = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            next?.runSynchronously(on: asUnownedTaskExecutor())
            if let ended = result.withLock({ $0 }) { return try ended.get() }
        }
    }
}
