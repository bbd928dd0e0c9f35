import Testing

@testable import VSphereHypervisor

@Suite("When tasks are read")
struct PollTimingTests {
    private let now = ContinuousClock.now

    /// Milliseconds from now on; nil: a start is under way.
    struct Case: Sendable {
        let due: Int
        let oldestUnread: Int
        let lastStart: Int?
        let time: Int
    }

    @Test(
        "What is due waits for the starts of others, but not for long",
        arguments: [
            // The burst has ended: when it is due.
            Case(due: 0, oldestUnread: -20, lastStart: -20, time: 0),
            Case(due: 70, oldestUnread: 70, lastStart: -20, time: 70),
            // The last start was just now.
            Case(due: 0, oldestUnread: -20, lastStart: -2, time: 8),
            Case(due: 10, oldestUnread: 0, lastStart: 0, time: 10),
            // One is under way.
            Case(due: 0, oldestUnread: -20, lastStart: nil, time: 130),
            Case(due: 0, oldestUnread: 0, lastStart: nil, time: 150),
            // Starts come for so long that the first task is not left any longer.
            Case(due: -140, oldestUnread: -150, lastStart: -2, time: 0),
            Case(due: -140, oldestUnread: -150, lastStart: nil, time: 0),
        ])
    func readTime(_ row: Case) {
        func at(_ milliseconds: Int) -> ContinuousClock.Instant { now + .milliseconds(milliseconds) }
        let time = PollTiming.readTime(
            due: at(row.due), oldestUnread: at(row.oldestUnread), lastStart: row.lastStart.map(at))
        #expect(time == at(row.time))
    }

    @Test(
        "A task is read the less often the older it is",
        arguments: [(0, 25), (200, 25), (800, 100), (8000, 1000), (90_000, 1000)])
    func pause(age: Int, pause: Int) {
        #expect(PollTiming.pause(age: .milliseconds(age)) == .milliseconds(pause))
    }

    @Test(
        "A read ends with the nearest deadline, within bounds",
        arguments: [(-5000, 500), (0, 500), (2000, 2000), (600_000, 30_000)])
    func readDeadline(nearest: Int, deadline: Int) {
        #expect(
            PollTiming.readDeadline(nearest: now + .milliseconds(nearest), now: now) == now + .milliseconds(deadline))
    }
}
