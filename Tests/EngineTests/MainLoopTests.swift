import Dispatch
import Glibc
import Hypervisor
import Support
import Testing

@testable import Engine

@Suite("The main loop")
struct MainLoopTests {
    @Test("runs a task on its own thread, also what comes back from other threads, and gives its value")
    func run() async throws {
        let threads = try await blocking("the loop", within: .seconds(30)) {
            let own = threadID()
            return (
                own,
                MainLoop().run {
                    let first = threadID()
                    let other = try? await blocking("a call", within: .seconds(10)) { threadID() }
                    let second = threadID()
                    let child = await withTaskGroup(of: pthread_t.self) { group in
                        group.addTask { threadID() }
                        return await group.next()
                    }
                    let elsewhere = await withTaskExecutorPreference(globalConcurrentExecutor) { threadID() }
                    return [first, other, second, child, elsewhere, threadID()]
                }
            )
        }
        let (own, seen) = threads
        #expect(seen.map { $0 == own } == [true, false, true, true, false, true])
    }

    @Test("ends when a deadline passes, whatever hangs elsewhere")
    func hangs() async throws {
        let release = DispatchSemaphore(value: 0)
        let value = try await blocking("the loop", within: .seconds(30)) {
            MainLoop().run {
                await withDeadline(.now + .milliseconds(100)) {
                    hang(until: release)
                    return 1
                }
            }
        }
        #expect(value == nil)
        release.signal()
    }

    private func threadID() -> pthread_t { pthread_self() }

    private func hang(until semaphore: DispatchSemaphore) { semaphore.wait() }
}
