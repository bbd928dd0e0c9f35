internal import Configuration
internal import Glibc
internal import JSON
internal import Logging
internal import RunState
internal import Support

/// Sends what is in the outbox: each report by each way on which it is to be told, again and again for some minutes; what is not
/// taken then stays for the next start. What one way has taken is not sent by it again because another has not.
actor NotificationSender {
    /// For how long, and how often.
    struct Timing: Sendable {
        /// For one report by one way.
        var attempt = Duration.seconds(30)
        var firstPause = Duration.seconds(1)
        var longestPause = Duration.seconds(60)
        /// For all of it.
        var whole = Duration.seconds(300)
        /// A report that is older is dropped, in seconds.
        var oldest: Int64 = 7 * 86400
        /// What lasts is told again after so long, in seconds.
        var again: Int64 = 86400
    }

    private let directory: StateDirectory
    private let outbox: Outbox
    private let settings: NotificationSettings
    private let deliveries: [any Delivery]
    private let host: String
    private let log: Logger
    private let timing: Timing
    private let proc: String
    /// Called when there are new reports, before they are sent.
    private let writeMetrics: @Sendable () async -> Void
    /// What was seen since the process began.
    private var seen: Set<String> = []
    /// Said once, and not at each attempt.
    private var said: Set<String> = []

    init(
        _ directory: StateDirectory, _ settings: NotificationSettings, _ deliveries: [any Delivery], host: String,
        log: Logger, timing: Timing = Timing(), proc: String = "/proc",
        writeMetrics: @escaping @Sendable () async -> Void = {}
    ) {
        self.directory = directory
        outbox = Outbox(directory)
        self.settings = settings
        self.deliveries = deliveries
        self.host = host
        self.log = log
        self.timing = timing
        self.proc = proc
        self.writeMetrics = writeMetrics
    }

    /// How it came out.
    enum Outcome: Sendable, Equatable {
        /// Nothing is left.
        case done
        /// Something could not be sent.
        case left
        /// Another process is sending; its id, where that is seen.
        case elsewhere(Int32?)
    }

    /// Sends until nothing is left or the time is over.
    /// - Parameter limit: for how long it waits for another process that is sending.
    /// - Throws: StateError where the outbox cannot be used.
    func run(waiting limit: Duration = .zero) async throws -> Outcome {
        guard fileExists(outbox.folder) else { return .done }
        let end = ContinuousClock.now + timing.whole
        while true {
            guard let lock = try await self.lock(waiting: limit) else {
                return outbox.names.isEmpty ? .done : .elsewhere(outbox.sender(proc: proc))
            }
            let isDone = await lock.withLockAwaiting { await sendAll(until: end) }
            // Who has added one while this process had the lock has started no other.
            guard outbox.names.contains(where: { !seen.contains($0) }), .now < end else {
                return isDone ? .done : .left
            }
        }
    }

    private func lock(waiting limit: Duration) async throws -> FileLock? {
        let end = ContinuousClock.now + limit
        while true {
            if let lock = try outbox.lock(in: directory) { return lock }
            guard ContinuousClock.now < end, !outbox.names.isEmpty else { return nil }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func sendAll(until end: ContinuousClock.Instant) async -> Bool {
        var backoff = Backoff(until: end, first: timing.firstPause, longest: timing.longestPause)
        repeat {
            if await sendOnce() { return true }
        } while await backoff.wait()
        log.error("reports are left in \(outbox.folder), and sent with the next one, or by: stillpoint notify")
        return false
    }

    // MARK: one round

    /// Whether nothing is left.
    private func sendOnce() async -> Bool {
        let names = outbox.names
        let new = names.filter { seen.insert($0).inserted }
        for name in new { decide(name) }
        if !new.isEmpty { await writeMetrics() }
        await withTaskGroup(of: Void.self) { group in
            for delivery in deliveries {
                group.addTask { await self.send(names, by: delivery) }
            }
        }
        return names.map { settle($0) }.allSatisfy { $0 }
    }

    /// By which ways it is told; that is written down, so that it is decided once.
    private func decide(_ name: String) {
        guard var entry = read(name), entry.pending == nil else { return }
        var decision = MailDecision(in: outbox)
        let isMailed = decision.take(entry, settings.mailOn)
        entry.pending = deliveries.map(\.name).filter { $0 == "mail" ? isMailed : entry.isProblem }
        do {
            try outbox.write(entry, to: name)
            try decision.write(to: outbox)
        } catch {
            log.error("\(outbox.folder) cannot be written, so what is sent may be sent again: \(error)")
        }
    }

    private func send(_ names: [String], by delivery: any Delivery) async {
        for name in names {
            guard let entry = read(name), entry.pending?.contains(delivery.name) == true else { continue }
            do throws(DeliveryError) {
                let report = RunReport(entry, id: String(name.dropLast(5)), host: host)
                try await delivery.deliver(report, within: timing.attempt)
                note(name, takenBy: delivery)
            } catch {
                if said.insert("\(delivery.name) \(error)").inserted {
                    log.warning("\(delivery.title): \(error); it is tried again")
                }
                // A server that is down is not asked for each report.
                guard error.isRefusal else { return }
            }
        }
    }

    private func note(_ name: String, takenBy delivery: any Delivery) {
        guard var entry = read(name) else { return }
        entry.pending?.removeAll { $0 == delivery.name }
        log.info("\(delivery.title): the report \(name.dropLast(5)) was sent")
        do {
            try outbox.write(entry, to: name)
        } catch {
            log.error("\(outbox.folder) cannot be written, so \(name.dropLast(5)) may be sent again: \(error)")
        }
    }

    /// Removes what needs not be sent any more; whether nothing of it is left to do.
    private func settle(_ name: String) -> Bool {
        guard let entry = read(name) else { return true }
        let age = Outbox.run(in: name)?.time.map { Int64(time(nil)) - $0 } ?? 0
        // A way that is not configured any more is not waited for.
        let left = (entry.pending ?? []).filter { way in deliveries.contains { $0.name == way } }
        guard left.isEmpty else {
            guard age > timing.oldest else { return false }
            log.error(
                "the report \(name.dropLast(5)) could not be sent for a week by \(left.joined(separator: ", ")): dropped"
            )
            outbox.remove(name)
            return true
        }
        if !isLasting(entry, age) { outbox.remove(name) }
        return true
    }

    /// Its file stays, so that it is not told of each time.
    private func isLasting(_ entry: OutboxEntry, _ age: Int64) -> Bool {
        switch entry.ending {
        case .open: entry.run.map { directory.isOpen($0) } ?? false
        case .unanswered, .misconfigured: age <= timing.again
        case .unarchived:
            age <= timing.again && (entry.run.map { Catalogue(directory).runsToArchive().contains($0) } ?? false)
        case .released, .undone, .untaken, .failed: false
        }
    }

    /// Nil where there is nothing to be told of: it is gone, damaged, or a later version's.
    private func read(_ name: String) -> OutboxEntry? {
        do {
            return try outbox.read(name)
        } catch {
            guard outbox.names.contains(name) else { return nil }
            let isDamaged = (error as? StateError)?.cause is JSONError
            if isDamaged { outbox.remove(name) }
            if said.insert(name).inserted {
                log.error("\(isDamaged ? "a report that nobody can read is dropped: " : "")\(error)")
            }
            return nil
        }
    }
}
