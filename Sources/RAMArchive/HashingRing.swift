internal import Glibc
internal import SHA256

/// A few buffers that a thread of its own hashes while the caller packs, writes and reads on.
///
/// Used by one thread, which fills a `buffer`, then calls `add`. A buffer that was added may still be read until
/// `buffer` is called again.
final class HashingRing {
    /// Bytes that are read and written at once. Fits the processor's cache; and with larger writes Linux 6.18's ext4
    /// takes larger folios, which a host that is a VM itself had to get first: 1 MiB took half as long again.
    static let bufferSize = 256 << 10

    private let shared: Shared
    private let thread: pthread_t?
    private var position = 0
    private var isHeld = false
    private var isFinished = false

    /// - Parameter isThreaded: false hashes in place, as is done when the system has no thread to give.
    init(bufferSize: Int = HashingRing.bufferSize, isThreaded: Bool = true) {
        shared = Shared(bufferSize: bufferSize)
        thread = isThreaded ? Self.start(shared) : nil
    }

    deinit {
        if !isFinished { end() }
    }

    /// The next buffer to fill; waits for one that is hashed.
    var buffer: UnsafeMutableRawBufferPointer {
        if !isHeld {
            shared.free.wait()
            isHeld = true
        }
        return shared.slots[position]
    }

    /// Adds the first bytes of `buffer`.
    func add(_ count: Int) {
        guard count > 0 else { return }
        pass(count)
        if thread == nil { shared.hashNext() }
    }

    /// Waits for all to be hashed and gives the digest in hexadecimal digits; the last call.
    func finish() -> String {
        end()
        return hexadecimal(shared.digest.finish())
    }

    private func end() {
        isFinished = true
        guard let thread else { return }
        _ = buffer
        pass(0)
        pthread_join(thread, nil)
    }

    private func pass(_ count: Int) {
        shared.counts[position] = count
        position = (position + 1) % Shared.slotCount
        isHeld = false
        shared.filled.post()
    }

    private static func start(_ shared: Shared) -> pthread_t? {
        // A program's signal handlers are meant for its own threads: this one blocks all, which it inherits.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let argument = Unmanaged.passRetained(shared)
        var thread = pthread_t()
        guard pthread_create(&thread, nil, hashAll, argument.toOpaque()) == 0 else {
            argument.release()
            return nil
        }
        return thread
    }
}

/// What both threads use. A slot, with its count, is the caller's from `free` to `filled`, and the hashing thread's
/// (to read, as the caller may) from there to `free`.
private final class Shared: @unchecked Sendable {
    static let slotCount = 8
    let slots: [UnsafeMutableRawBufferPointer]
    let counts = UnsafeMutableBufferPointer<Int>.allocate(capacity: slotCount)
    let free = Semaphore(slotCount)
    let filled = Semaphore(0)
    let digest: SHA256
    private var position = 0

    init(bufferSize: Int) {
        digest = SHA256()
        slots = (0..<Self.slotCount).map { _ in .allocate(byteCount: bufferSize, alignment: 4096) }
        counts.initialize(repeating: 0)
    }

    deinit {
        for slot in slots { slot.deallocate() }
        counts.deallocate()
    }

    /// Hashes the next filled slot; false at the end.
    @discardableResult
    func hashNext() -> Bool {
        filled.wait()
        let count = counts[position]
        guard count > 0 else { return false }
        digest.add(buffer: UnsafeRawBufferPointer(rebasing: slots[position][..<count]))
        position = (position + 1) % Self.slotCount
        free.post()
        return true
    }
}

private nonisolated func hashAll(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let shared = Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue()
    while shared.hashNext() {}
    return nil
}
