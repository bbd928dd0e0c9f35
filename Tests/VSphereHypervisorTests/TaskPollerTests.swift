import Synchronization
import Testing
import XMLTree

@testable import VSphereHypervisor

@Suite("Waiting for tasks")
struct TaskPollerTests {
    private final class Rounds: Sendable {
        let sets = Mutex<[(tasks: Int, vms: Int)]>([])
        let started = ContinuousClock.now
        var all: [(tasks: Int, vms: Int)] { sets.withLock { $0 } }
    }

    private let rounds = Rounds()

    /// A poller of tasks that run until they have been read so often.
    private func poller(runningFor reads: Int = 0) -> TaskPoller {
        TaskPoller { [rounds] tasks, vms, _ in
            let number = rounds.sets.withLock {
                $0.append((tasks.count, vms.count))
                return $0.count
            }
            let state = number <= reads ? "running" : "success"
            var text = ""
            for task in tasks {
                text +=
                    "<objects><obj type=\"Task\">\(task)</obj><propSet><name>info.state</name><val>\(state)</val></propSet>"
                text += "</objects>"
            }
            for vm in vms { text += "<objects><obj type=\"VirtualMachine\">\(vm)</obj></objects>" }
            let element = try XMLElement.parse("<r><returnval>\(text)</returnval></r>")
            return ObjectProperties.read(element).objects
        }
    }

    private func run(_ count: Int, _ poller: TaskPoller, starting: Duration = .zero) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<count {
                group.addTask {
                    _ = try await poller.run(on: .vm("vm-\(index)"), until: .now + .seconds(10)) {
                        try await Task.sleep(for: starting * index / count)
                        return MoRef("Task", "task-\(index)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("Instant tasks that are started together are read once, with the proof")
    func oneRead() async throws {
        try await run(40, poller(), starting: .milliseconds(40))
        // Two where the machine is so busy that the starts took long.
        #expect(rounds.all.count <= 2)
        #expect(rounds.all.reduce(0) { $0 + $1.tasks } == 40)
        #expect(rounds.all.reduce(0) { $0 + $1.vms } == 40)
    }

    @Test("Slow tasks are read more and more seldom, their VMs once more at the end")
    func slow() async throws {
        try await run(20, poller(runningFor: 8))
        #expect(rounds.started.duration(to: .now) > .milliseconds(8 * 25))
        #expect(rounds.all.reduce(0) { $0 + $1.vms } == 40)
    }

    @Test("A VM that shows late what a task has done is read again, however long the task ran", arguments: [0, 8])
    func lateVM(reads: Int) async throws {
        let asked = Mutex(0)
        _ = try await poller(runningFor: reads).wait(
            for: MoRef("Task", "task-1"), on: .vm("vm-1"), until: .now + .seconds(10),
            isConfirmed: { _, _ in
                asked.withLock {
                    $0 += 1
                    return $0 == 3
                }
            })
        #expect(asked.withLock { $0 } == 3)
    }

    @Test("A VM that never shows what a task has done is not read for ever")
    func neverSeen() async throws {
        let outcome = try await poller().wait(
            for: MoRef("Task", "task-1"), on: .vm("vm-1"), until: .now + .seconds(10), isConfirmed: { _, _ in false })
        #expect(outcome.vm != nil)
        #expect(rounds.all.count < 10)
    }

    @Test("A call reads no more than some tens of tasks")
    func sets() async throws {
        try await run(150, poller())
        #expect(rounds.all.allSatisfy { $0.tasks <= 64 })
    }

    @Test("Who waits no longer than a deadline hears of it then")
    func deadline() async throws {
        let poller = poller(runningFor: .max)
        let outcome = try await poller.wait(
            for: MoRef("Task", "task-1"), on: .vm("vm-1"), until: .now + .milliseconds(200))
        #expect(outcome.task == nil)
        #expect(.now - rounds.started < .seconds(20))
    }

    @Test("A read that fails is repeated while there is time")
    func failures() async throws {
        let calls = Mutex(0)
        let poller = TaskPoller { tasks, _, _ in
            let count = calls.withLock {
                $0 += 1
                return $0
            }
            if count == 1 { throw CallFailure(.dropped, "broken") }
            return []
        }
        let outcome = try await poller.wait(
            for: MoRef("Task", "task-1"), on: .vm("vm-1"), until: .now + .seconds(5))
        guard case .unknown = outcome.task else {
            Issue.record("a task that the server does not know is not known")
            return
        }
        #expect(outcome.vm == nil)
    }

    @Test("A read that is refused is the end of it")
    func refusal() async {
        let poller = TaskPoller { _, _, _ in throw CallFailure(VimFault(name: "NoPermission")) }
        await #expect(throws: CallFailure.self) {
            _ = try await poller.wait(
                for: MoRef("Task", "task-1"), on: .vm("vm-1"), until: .now + .seconds(5))
        }
    }
}
