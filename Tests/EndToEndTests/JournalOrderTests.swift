import Testing

/// What strace saw of one hook: which records became durable, and what the hook did to the world, in this order.
private struct Trace {
    enum Event {
        /// A file in the state directory had been written, synced, renamed, and its directory synced: its content, as
        /// strace quotes it.
        case durable(String)
        /// A new file was about to be made.
        case make(String)
        /// A call to libvirtd was about to be sent: its number in libvirt's remote_protocol.x.
        case call(Int)
        /// A file was about to be deleted.
        case delete(String)
    }

    private(set) var events: [Event] = []
    private var unfinished: [Substring: String] = [:]
    private var written = ""
    private var stage = 0

    /// Reads what `strace -f -y -x` wrote. What changes the world counts from its beginning, what makes a record durable
    /// from its end, also where the kernel was busy with another thread in between.
    init(_ text: String) {
        for line in text.split(separator: "\n") {
            let parts = line.split(maxSplits: 1) { $0 == " " }
            guard parts.count == 2 else { continue }
            let (id, rest) = (parts[0], String(parts[1].drop { $0 == " " }))
            if rest.hasSuffix("<unfinished ...>") {
                unfinished[id] = rest
                began(rest)
            } else if rest.hasPrefix("<... ") {
                ended((unfinished[id] ?? "") + rest)
            } else {
                began(rest)
                ended(rest)
            }
        }
    }

    private mutating func began(_ call: String) {
        if call.hasPrefix("openat("), call.contains("O_EXCL") {
            events.append(.make(call))
        } else if call.hasPrefix("unlink(") || call.hasPrefix("unlinkat(") {
            events.append(.delete(call))
        } else if call.hasPrefix("write("), let number = Self.remoteCall(call) {
            events.append(.call(number))
        }
    }

    private mutating func ended(_ call: String) {
        if call.hasPrefix("write("), call.contains(".json.tmp>") {
            (written, stage) = (call, 1)
        } else if stage == 1, call.hasPrefix("fsync("), call.contains(".json.tmp>"), call.hasSuffix(" = 0") {
            stage = 2
        } else if stage == 2, call.hasPrefix("renameat("), call.contains(".json.tmp\""), call.hasSuffix(" = 0") {
            stage = 3
        } else if stage == 3, call.hasPrefix("fsync("), !call.contains(".tmp>"), call.hasSuffix(" = 0") {
            events.append(.durable(written))
            stage = 0
        }
    }

    /// A message of the remote protocol: its length, 0x20008086, version 1, the call's number, four bytes each.
    private static func remoteCall(_ call: String) -> Int? {
        guard let quote = call.firstIndex(of: "\"") else { return nil }
        let bytes = call[call.index(after: quote)...].prefix(16 * 4).split(separator: "\\x")
        guard bytes.count == 16, bytes[4..<8].joined() == "20008086" else { return nil }
        return Int(bytes[12..<16].joined(), radix: 16)
    }

    /// For each event that matches, the last record that was durable before it.
    func records(before matches: (Event) -> Bool) -> [(event: Event, record: String)] {
        var last = ""
        var found: [(event: Event, record: String)] = []
        for event in events {
            if matches(event) { found.append((event, last)) }
            if case .durable(let record) = event { last = record }
        }
        return found
    }

    /// From remote_protocol.x.
    static let calls = (snapshot: 185, abortJob: 237, commit: 290, freeze: 335)
}

extension RealParts {
    /// What this shows: on an undisturbed way, fsync had returned for the record, and for its name, before the hook so
    /// much as asked for the step. It does not show that disks keep what they promise, nor the ways that errors take;
    /// kill -9 at each record is the crash matrix's.
    @Suite("The state file is durable before each step")
    struct JournalOrderTests {
        private let guest = Stage.Guest(name: "traced", disks: 2)

        /// Traces a hook until it ends. Its watchdog continues, and strace with it, so nobody waits for strace.
        private func trace(_ command: String, _ stage: Stage) async throws -> Trace {
            let file = "\(stage.lab.folder)/trace"
            try await need(
                """
                rm -f \(file)
                strace -f -y -x -s 100000 -e trace=openat,write,fsync,rename,renameat,unlink,unlinkat -o \(file) \
                    \(command) >/dev/null 2>&1 </dev/null &
                for i in $(seq 600); do
                    first=$(head -n 1 \(file) 2>/dev/null | cut -d ' ' -f 1)
                    [ -n "$first" ] && grep -q "^$first .*+++ exited with 0" \(file) && exit; sleep 0.1
                done; tail -n 5 \(file); exit 1
                """)
            return Trace(try await need("cat \(file)"))
        }

        private func has(_ step: String, _ record: String) -> Bool {
            record.contains("\\\"step\\\": \\\"\(step)\\\"")
        }

        @Test("pre: the overlays' names before the overlays, `switching` before the freeze and the snapshot")
        func freeze() async throws {
            try await Stage.with("order", [guest]) { stage in
                let seen = try await trace("\(stage.lab.preSnapshot) \(stage.dataset)@a", stage)
                var made: Set<String> = []
                // qemu-img is given the file that the hook has made.
                for (event, record) in seen.records(before: { $0.isMaking(in: stage.lab.overlays) }) {
                    guard case .make(let call) = event else { continue }
                    #expect(has("preparing", record))
                    let overlay = try #require(
                        call.split(separator: "\"").first { $0.contains(stage.lab.overlays) }.map(String.init))
                    #expect(record.contains(overlay), "\(overlay)")
                    made.insert(overlay)
                }
                #expect(made.count == guest.disks)
                for number in [Trace.calls.freeze, Trace.calls.snapshot] {
                    let steps = seen.records(before: { $0.isCall(number) })
                    #expect(steps.count == 1, "\(number)")
                    #expect(steps.allSatisfy { has("switching", $0.record) && made.allSatisfy($0.record.contains) })
                }
                #expect(has("held", try #require(seen.events.compactMap(\.record).last)))
                try await need("zfs snapshot \(stage.dataset)@a; \(stage.lab.postSnapshot) \(stage.dataset)@a")
                try await stage.expectNothingLeft()
            }
        }

        @Test(
            "post: `releasing` before commit and pivot, `released` before an overlay is deleted, the catalogue before the run"
        )
        func release() async throws {
            try await Stage.with("order", [guest]) { stage in
                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@a && zfs snapshot \(stage.dataset)@a")
                let seen = try await trace("\(stage.lab.postSnapshot) \(stage.dataset)@a", stage)
                for number in [Trace.calls.commit, Trace.calls.abortJob] {
                    let steps = seen.records(before: { $0.isCall(number) })
                    #expect(steps.count == guest.disks, "\(number)")
                    #expect(steps.allSatisfy { has("releasing", $0.record) })
                }
                // All commits have begun before the first pivot.
                let asked = seen.events.compactMap(\.number).filter {
                    $0 == Trace.calls.commit || $0 == Trace.calls.abortJob
                }
                #expect(asked == asked.sorted { $0 > $1 })
                let pivots = seen.records(before: { $0.isCall(Trace.calls.abortJob) })
                #expect(pivots.allSatisfy { $0.record.contains("pivotRequested") })
                let deleted = seen.records(before: { $0.isDeletion(of: stage.lab.overlays) })
                #expect(deleted.count == guest.disks)
                #expect(deleted.allSatisfy { has("released", $0.record) })
                let closed = seen.records(before: { $0.isDeletion(of: stage.lab.runs) && $0.isDeletion(of: ".json\"") })
                #expect(closed.count == 1)
                #expect(closed.allSatisfy { $0.record.contains("/restore-points/") })
                try await stage.expectNothingLeft()
            }
        }
    }
}

extension Trace.Event {
    fileprivate func isMaking(in folder: String) -> Bool {
        if case .make(let call) = self { call.contains(folder) } else { false }
    }

    fileprivate func isCall(_ number: Int) -> Bool {
        if case .call(number) = self { true } else { false }
    }

    fileprivate var number: Int? {
        if case .call(let number) = self { number } else { nil }
    }

    fileprivate func isDeletion(of part: String) -> Bool {
        if case .delete(let call) = self { call.contains(part) } else { false }
    }

    fileprivate var record: String? {
        if case .durable(let record) = self { record } else { nil }
    }
}
