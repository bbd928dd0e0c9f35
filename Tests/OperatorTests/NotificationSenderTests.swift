import Configuration
import Engine
import Glibc
import HostFixtures
import RunState
import Support
import Synchronization
import TestSupport
import Testing

@testable import Operator

/// A way that takes and refuses what a test says.
private final class FakeDelivery: Delivery {
    let name: String
    let title = "a way"
    private let answer: @Sendable (_ id: String, _ attempt: Int) -> DeliveryError?
    private let calls = Mutex<[String]>([])
    private let taken = Mutex<[String]>([])

    init(_ name: String, _ answer: @escaping @Sendable (String, Int) -> DeliveryError? = { _, _ in nil }) {
        self.name = name
        self.answer = answer
    }

    var attempts: [String] { calls.withLock { $0 } }
    var delivered: [String] { taken.withLock { $0 } }

    func deliver(_ report: RunReport, within limit: Duration) async throws(DeliveryError) {
        let count = calls.withLock { calls in
            calls.append(report.id)
            return calls.count { $0 == report.id }
        }
        if let problem = answer(report.id, count) { throw problem }
        taken.withLock { $0.append(report.id) }
    }
}

@Suite("The sender")
struct NotificationSenderTests {
    private static let one = "20261121T110000Z-000001"
    private static let two = "20261121T110000Z-000002"
    private let log = LogRecorder()

    /// With two reports in the outbox, `one` and `two`.
    private func withOutbox(_ body: (ScratchFolder, StateDirectory, Outbox) async throws -> Void) async throws {
        try await withScratchFolder { scratch async throws in
            let directory = StateDirectory(scratch.path)
            let outbox = Outbox(directory)
            for run in [Self.one, Self.two] {
                var entry = try MailMessageTests.entry()
                entry.run = RunID(run)
                _ = try outbox.add(OutboxEntry(entry, run: try #require(RunID(run))))
            }
            try await body(scratch, directory, outbox)
        }
    }

    private func sender(
        _ directory: StateDirectory, _ deliveries: [any Delivery], whole: Duration = .milliseconds(400),
        oldest: Int64 = 1 << 40, writeMetrics: @escaping @Sendable () async -> Void = {}
    ) -> NotificationSender {
        let timing = NotificationSender.Timing(
            attempt: .seconds(5), firstPause: .milliseconds(50), longestPause: .milliseconds(100), whole: whole,
            oldest: oldest)
        return NotificationSender(
            directory, NotificationSettings(), deliveries, host: "kvm1", log: log.logger, timing: timing,
            writeMetrics: writeMetrics)
    }

    @Test("sends each report by each way once, the oldest first, and leaves nothing")
    func all() async throws {
        try await withOutbox { _, directory, outbox async throws in
            let ways = ["mail", "webhook", "on_problem"].map { FakeDelivery($0) }
            let metrics = Mutex(0)
            let sender = sender(directory, ways) { metrics.withLock { $0 += 1 } }
            #expect(try await sender.run() == .done)
            for way in ways { #expect(way.delivered == [Self.one, Self.two]) }
            #expect(outbox.names.isEmpty && metrics.withLock { $0 } == 1)
            #expect(try await sender.run() == .done && ways[0].attempts.count == 2)
        }
    }

    @Test("repeats what was not taken, and nothing that was taken by another way")
    func partial() async throws {
        try await withOutbox { _, directory, outbox async throws in
            let mail = FakeDelivery("mail") { _, attempt in attempt < 3 ? DeliveryError(description: "down") : nil }
            let hook = FakeDelivery("webhook")
            #expect(try await sender(directory, [mail, hook], whole: .seconds(20)).run() == .done)
            #expect(mail.delivered == [Self.one, Self.two] && hook.attempts == [Self.one, Self.two])
            #expect(log.lines.count { $0.contains("down") } == 1)
            #expect(outbox.names.isEmpty)
        }
    }

    @Test("leaves what nobody takes for the next start, which sends that alone")
    func left() async throws {
        try await withOutbox { _, directory, outbox async throws in
            let (down, hook) = (
                FakeDelivery("mail") { _, _ in DeliveryError(description: "down") }, FakeDelivery("webhook")
            )
            #expect(try await sender(directory, [down, hook]).run() == .left)
            #expect(outbox.names.count == 2 && hook.attempts.count == 2)
            // A server that is down is not asked for each report.
            #expect(!down.attempts.contains(Self.two))
            #expect(log.lines.contains { $0.hasPrefix("error: reports are left") })
            let (mail, again) = (FakeDelivery("mail"), FakeDelivery("webhook"))
            #expect(try await sender(directory, [mail, again]).run() == .done)
            #expect(mail.delivered == [Self.one, Self.two] && again.attempts.isEmpty && outbox.names.isEmpty)
        }
    }

    @Test("does not keep a report because another one is refused")
    func refused() async throws {
        try await withOutbox { _, directory, outbox async throws in
            let mail = FakeDelivery("mail") { id, _ in
                id == Self.one ? DeliveryError(description: "no such user", isRefusal: true) : nil
            }
            #expect(try await sender(directory, [mail]).run() == .left)
            #expect(mail.delivered == [Self.two] && outbox.names == ["\(Self.one).json"])
        }
    }

    @Test("drops what could not be sent for a week, and says so")
    func old() async throws {
        try await withOutbox { _, directory, outbox async throws in
            let mail = FakeDelivery("mail") { _, _ in DeliveryError(description: "down") }
            #expect(try await sender(directory, [mail], oldest: -(1 << 40)).run() == .done)
            #expect(outbox.names.isEmpty)
            #expect(log.lines.count { $0.contains("could not be sent for a week") } == 2)
        }
    }

    @Test("takes what is added while it is at work, and only one is at work")
    func concurrent() async throws {
        try await withOutbox { _, directory, outbox async throws in
            let three: RunID = "20261121T110000Z-000003"
            let mail = FakeDelivery("mail") { id, attempt in
                guard id == Self.two, attempt == 1 else { return nil }
                let entry = try? OutboxEntry(MailMessageTests.entry(), run: three)
                _ = entry.flatMap { try? outbox.add($0) }
                #expect(outbox.isBeingSent)
                return nil
            }
            #expect(try await sender(directory, [mail], whole: .seconds(20)).run() == .done)
            #expect(mail.delivered == [Self.one, Self.two, three.text] && outbox.names.isEmpty)
            let lock = try outbox.lock(in: directory)
            let other = FakeDelivery("mail")
            _ = try outbox.add(OutboxEntry(MailMessageTests.entry(), run: three))
            #expect(try await sender(directory, [other]).run() == .elsewhere(getpid()))
            #expect(other.attempts.isEmpty && outbox.names.count == 1)
            withExtendedLifetime(lock) {}
        }
    }

    @Test("waits for another that is sending, and sends what that one leaves", arguments: [true, false])
    func waiting(endsInTime: Bool) async throws {
        try await withOutbox { _, directory, outbox async throws in
            var lock = try outbox.lock(in: directory)
            #expect(lock != nil)
            let mail = FakeDelivery("mail")
            let sender = sender(directory, [mail])
            let waiting = Task { try await sender.run(waiting: endsInTime ? .seconds(20) : .milliseconds(200)) }
            if endsInTime {
                try await Task.sleep(for: .milliseconds(150))
                lock = nil
            }
            #expect(try await waiting.value == (endsInTime ? .done : .elsewhere(getpid())))
            #expect(mail.delivered.isEmpty != endsInTime)
            withExtendedLifetime(lock) {}
        }
    }

    @Test("called by hand says which process is sending, and is silent about it where a hook has started it")
    func elsewhere() async throws {
        try await withBench { bench, _ async throws in
            let outbox = Outbox(bench.directory)
            #expect(await bench.operating.notify() == .done)
            _ = try outbox.add(OutboxEntry(MailMessageTests.entry(), run: try #require(RunID(Self.one))))
            let lock = try outbox.lock(in: bench.directory)
            #expect(await bench.operating.notify(inBackground: true) == .done && bench.log.lines.isEmpty)
            #expect(await bench.operating.notify() == .needsRecovery)
            #expect(bench.log.text.contains("error: the process \(getpid()) is sending what is in "))
            #expect(outbox.names.count == 1)
            withExtendedLifetime(lock) {}
        }
    }

    @Test(
        "drops what is damaged, keeps what a later version wrote, and sends the others",
        arguments: ["", "{", "[1]", "{}"])
    func damaged(text: String) async throws {
        try await withOutbox { scratch, directory, outbox async throws in
            try scratch.write("outbox/\(Self.one).json", text)
            try scratch.write("outbox/20261121T110000Z-000009.json", "{\"format\": 99}")
            let mail = FakeDelivery("mail")
            #expect(try await sender(directory, [mail]).run() == .done)
            #expect(mail.delivered == [Self.two])
            #expect(outbox.names == ["20261121T110000Z-000009.json"])
            #expect(
                log.lines.count { $0.hasPrefix("error: a report that nobody can read is dropped") } == 1, "\(log.text)")
        }
    }

    @Test("keeps the file of what lasts, so that it is told once, until it is over")
    func lasting() async throws {
        try await withScratchFolder { scratch async throws in
            let directory = StateDirectory(scratch.path)
            try directory.prepare()
            let run = Run(
                id: RunID.make(), manager: "sanoid", targets: [], recursiveTargets: [], snapshots: [],
                phase: .releasing,
                machines: [])
            try directory.write(run)
            let outbox = Outbox(directory)
            let entry = OutboxEntry(run, .open, ended: 0, reasons: [])
            let mail = FakeDelivery("mail")
            #expect(try outbox.add(entry).isNew)
            for _ in 0..<2 { #expect(try await sender(directory, [mail]).run() == .done) }
            #expect(mail.delivered.count == 1)
            #expect(try !outbox.add(entry).isNew)
            try directory.remove(run.id)
            #expect(try await sender(directory, [mail]).run() == .done)
            #expect(outbox.names.isEmpty && mail.delivered.count == 1)
        }
    }

    @Test("sends no mail of a run that was well, and leaves nothing of it")
    func well() async throws {
        try await withScratchFolder { scratch async throws in
            let directory = StateDirectory(scratch.path)
            let entry = OutboxEntry(.released, run: "1", manager: "sanoid", began: 0, ended: 0, datasets: [])
            _ = try Outbox(directory).add(entry)
            let ways = ["mail", "webhook", "on_problem"].map { FakeDelivery($0) }
            #expect(try await sender(directory, ways).run() == .done)
            #expect(ways.allSatisfy(\.attempts.isEmpty) && Outbox(directory).names.isEmpty)
        }
    }
}

extension OutboxEntry {
    /// The same, of another run.
    fileprivate init(_ entry: OutboxEntry, run: RunID) {
        self = entry
        self.run = run
    }
}
