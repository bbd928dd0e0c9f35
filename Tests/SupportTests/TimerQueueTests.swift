import Synchronization
import Testing

@testable import Support

@Suite("TimerQueue")
struct TimerQueueTests {
    @Test("fall due in their order, also one that comes later and is earlier")
    func order() async throws {
        let deadlines = TimerQueue()
        let fired = Mutex<[Int]>([])
        let begin = ContinuousClock.now
        await withCheckedContinuation { continuation in
            _ = deadlines.add(at: begin + .milliseconds(300)) {
                fired.withLock { $0.append(300) }
                continuation.resume()
            }
            for delay in [200, 50, 100] {
                _ = deadlines.add(at: begin + .milliseconds(delay)) { fired.withLock { $0.append(delay) } }
            }
        }
        #expect(fired.withLock { $0 } == [50, 100, 200, 300])
        #expect(begin.duration(to: .now) >= .milliseconds(300))
    }

    @Test("do nothing once they are taken back, and come again after there was none")
    func removal() async throws {
        let deadlines = TimerQueue()
        let fired = Mutex<[String]>([])
        let entry = deadlines.add(at: .now + .milliseconds(50)) { fired.withLock { $0.append("taken back") } }
        deadlines.remove(entry)
        try await Task.sleep(for: .milliseconds(150))
        await withCheckedContinuation { continuation in
            _ = deadlines.add(at: .now) {
                fired.withLock { $0.append("due at once") }
                continuation.resume()
            }
        }
        #expect(fired.withLock { $0 } == ["due at once"])
    }
}
