import Glibc
import HostFixtures
import Synchronization
import TestSupport
import Testing

@testable import RunState
@testable import Support

@Suite("The journal")
struct JournalTests {
    private func withJournal(
        machines: Int, _ body: (ScratchFolder, StateDirectory, Journal) async throws -> Void
    ) async throws {
        try await withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            let records = try (0..<machines).map { try makeRecord("web\($0)", nil) }
            let run = try makeRun(StateDirectoryTests.id, machines: records)
            try directory.write(run)
            try await body(scratch, directory, Journal(run, in: directory, lock: nil))
        }
    }

    @Test("has a change on the disk when it returns")
    func durable() async throws {
        try await withJournal(machines: 1) { _, directory, journal in
            try await journal.record { $0.phase = .frozen }
            #expect(try directory.read(StateDirectoryTests.id).phase == .frozen)
            try await journal.record(machine: 0) { $0.freezeState = someHold }
            #expect(try directory.read(StateDirectoryTests.id).machines.map(\.freezeState) == [someHold])
        }
    }

    @Test("writes nothing more when it has retired, however late a change comes, and lets another have the run")
    func retired() async throws {
        try await withJournal(machines: 1) { _, directory, _ in
            let id = StateDirectoryTests.id
            let lock = try #require(try directory.lock(run: id, waiting: false))
            let journal = Journal(try directory.read(id), in: directory, lock: lock)
            try await journal.record { $0.phase = .frozen }
            await journal.retire()
            try await journal.record { $0.phase = .released }
            #expect(try directory.read(id).phase == .frozen && directory.isOpen(id))
        }
    }

    @Test("gives the run's lock back when it retires")
    func unlocked() async throws {
        try await withJournal(machines: 1) { _, directory, _ in
            let id = StateDirectoryTests.id
            let journal = Journal(
                try directory.read(id), in: directory, lock: try directory.lock(run: id, waiting: false))
            #expect(try directory.lock(run: id, waiting: false) == nil)
            await journal.retire()
            #expect(try directory.lock(run: id, waiting: false) != nil)
        }
    }

    @Test("has many changes at once on the disk, each when its call returns")
    func concurrent() async throws {
        try await withJournal(machines: 100) { _, directory, journal in
            let seen = try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        try await journal.record(machine: index) { $0.notes.append("note \(index)") }
                        return try directory.read(StateDirectoryTests.id).machines[index].notes == ["note \(index)"]
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(seen == [Bool](repeating: true, count: 100))
            let expected = (0..<100).map { ["note \($0)"] }
            #expect(try directory.read(StateDirectoryTests.id).machines.map(\.notes) == expected)
        }
    }

    @Test(
        "of a release waits a little for a disk that hangs, and puts no old state over a newer one when it comes back")
    func hanging() async throws {
        try await withJournal(machines: 1) { _, directory, journal in
            let file = "\(directory.path)/runs/\(StateDirectoryTests.id).json"
            hangingFiles.withLock { _ = $0.insert(file) }
            defer { hangingFiles.withLock { _ = $0.remove(file) } }
            await journal.allowLostWrites()
            let clock = ContinuousClock()
            let first = try await clock.measure { try await journal.record { $0.phase = .releasing } }
            #expect(first < .seconds(15))
            let second = try await clock.measure { try await journal.record { $0.phase = .released } }
            #expect(second < .seconds(3))
            #expect(await journal.lostWrite != nil)
            let started = clock.now
            await #expect(throws: StateError.self) { try await journal.close() }
            #expect(started.duration(to: clock.now) < .seconds(15))
            #expect(directory.isOpen(StateDirectoryTests.id))

            // The disk comes back, and the write that was given up ends in some way.
            hangingFiles.withLock { _ = $0.remove(file) }
            for _ in 1...100 {
                try await journal.record { $0.phase = .released }
                if try directory.read(StateDirectoryTests.id).phase == .released { break }
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try directory.read(StateDirectoryTests.id).phase == .released)
            try await journal.close()
            #expect(!directory.isOpen(StateDirectoryTests.id))
        }
    }

    @Test("says so to every caller when the disk does not take a change")
    func failing() async throws {
        try await withJournal(machines: 20) { scratch, _, journal in
            scratch.remove("state")
            let failures = await withTaskGroup(of: StateError.Code?.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        do {
                            try await journal.record(machine: index) { $0.notes.append("lost") }
                            return nil
                        } catch {
                            return (error as? StateError)?.code
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(failures == [StateError.Code?](repeating: .notWritten, count: 20))
        }
    }

    @Test("continues once the disk takes changes again")
    func recovering() async throws {
        try await withJournal(machines: 1) { scratch, directory, journal in
            scratch.remove("state")
            await #expect(throws: StateError.self) { try await journal.record { $0.phase = .frozen } }
            try directory.prepare()
            try await journal.record(machine: 0) { $0.notes.append("kept") }
            let run = try directory.read(StateDirectoryTests.id)
            #expect(run.phase == .frozen)
            #expect(run.machines.map(\.notes) == [["kept"]])
        }
    }

    @Test("ends a run")
    func closing() async throws {
        try await withJournal(machines: 1) { _, directory, journal in
            try await journal.close()
            #expect(try directory.openRunIDs().isEmpty)
        }
    }
}
