internal import Glibc

/// A counting semaphore of this process (sem_overview(7)); what was written before a `post` is seen after its `wait`.
final class Semaphore: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init(_ count: Int) {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, UInt32(count))
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func post() { sem_post(semaphore) }

    func wait() {
        // Fails only when a signal comes in between (sem_wait(3)).
        while sem_wait(semaphore) != 0 {}
    }
}
