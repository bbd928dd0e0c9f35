internal import Dispatch
internal import Support
internal import Synchronization

/// Runs tasks on the main thread.
///
/// A hook that finds no VM has nothing to do side by side. Here it needs none of Dispatch's threads, nor one for
/// deadlines, whose start and handing over cost a tenth of its time.
package final class MainLoop: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let changed = DispatchSemaphore(value: 0)
    private let watchesDeadlines = Deadlines.shared.claimWatch()

    package init() {}

    deinit {
        if watchesDeadlines { Deadlines.shared.giveUpWatch() }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        if watchesDeadlines { Deadlines.shared.wake() } else { changed.signal() }
    }

    /// Runs `body` to its end; for the main thread.
    package func run<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
        let result = Mutex<Value?>(nil)
        Task(executorPreference: self) {
            let value = await body()
            result.withLock { $0 = value }
        }
        while true {
            if watchesDeadlines { Deadlines.shared.wait() } else { changed.wait() }
            let next = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            next?.runSynchronously(on: asUnownedTaskExecutor())
            if let value = result.withLock({ $0 }) { return value }
        }
    }
}
