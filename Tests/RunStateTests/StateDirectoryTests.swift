import Glibc
import HostFixtures
import Hypervisor
import JSON
import TestSupport
import Testing
import ZFS

@testable import RunState

@Suite("The state directory")
struct StateDirectoryTests {
    static let id: RunID = "20261121T110000Z-1f3c9a"

    private func withState(_ body: (ScratchFolder, StateDirectory) throws -> Void) throws {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            try body(scratch, directory)
        }
    }

    @Test("gives a run back as it was written, and nobody else may read it")
    func roundTrip() throws {
        try withState { scratch, directory in
            var record = try makeRecord("a\n\"é/../", on: ["tank/VM", "tank/my disk"])
            record.freezeState = someHold
            record.fallbacks = [.init(strategy: .quiesce, reason: "no agent")]
            record.notes = ["vdb is shareable"]
            record.frozenMilliseconds = 40
            let run = try makeRun(Self.id, recursive: ["tank/VM"], names: ["daily", "hourly"], machines: [record])
            try directory.write(run)
            #expect(try directory.openRunIDs() == [Self.id])
            #expect(try directory.read(Self.id) == run)
            #expect(try scratch.mode("state") == 0o700)
            #expect(try scratch.mode("state/runs") == 0o700)
            #expect(try scratch.mode("state/runs/\(Self.id).json") == 0o600)
            #expect(try scratch.names(in: "state/runs") == ["\(Self.id).json"])
        }
    }

    @Test("may be prepared twice")
    func twice() throws {
        try withState { _, directory in
            try directory.prepare()
            #expect(try directory.openRunIDs().isEmpty)
        }
    }

    @Test("replaces a run, and removes it")
    func replaced() throws {
        try withState { scratch, directory in
            var run = try makeRun(Self.id)
            try directory.write(run)
            run.phase = .releasing
            try directory.write(run)
            #expect(try directory.read(Self.id).phase == .releasing)
            try directory.remove(Self.id)
            try directory.remove(Self.id)
            #expect(try scratch.names(in: "state/runs").isEmpty)
        }
    }

    @Test("lists runs oldest first, and nothing else")
    func order() throws {
        try withState { scratch, directory in
            for id in ["20261122T000000Z-000000", "20261121T110000Z-ffffff", "20261121T110000Z-000000"] as [RunID] {
                try directory.write(makeRun(id))
            }
            try scratch.write("state/runs/20261123T000000Z-000000.json.tmp", "{")
            try scratch.write("state/runs/20261123T000000Z-000000.lock", "")
            #expect(
                try directory.openRunIDs() == [
                    "20261121T110000Z-000000", "20261121T110000Z-ffffff", "20261122T000000Z-000000",
                ])
        }
    }

    @Test("has no runs where it is not there")
    func missing() throws {
        try withScratchFolder { scratch in
            let ids = try StateDirectory(scratch.path + "/none").openRunIDs()
            #expect(ids.isEmpty)
        }
    }

    @Test("says that it cannot be read")
    func unreadable() throws {
        try withScratchFolder { scratch in
            try scratch.write("state/runs", "a file")
            let error = #expect(throws: StateError.self) { try StateDirectory(scratch.path + "/state").openRunIDs() }
            #expect(error?.code == .directory)
        }
    }

    @Test("says that it cannot be made", arguments: ["file/state", "none/state"])
    func unusable(path: String) throws {
        try withScratchFolder { scratch in
            try scratch.write("file", "")
            let error = #expect(throws: StateError.self) {
                try StateDirectory("\(scratch.path)/\(path)").prepare()
            }
            #expect(error?.code == .directory)
            #expect(error?.description.contains("\(scratch.path)/\(path)") == true)
        }
    }

    @Test("calls a file that was cut off damaged and leaves it alone", arguments: [0, 1, 20, 200])
    func truncated(length: Int) throws {
        try withState { scratch, directory in
            try directory.write(makeRun(Self.id, machines: [makeRecord("web01")]))
            let path = "\(scratch.path)/state/runs/\(Self.id).json"
            try #require(truncate(path, length) == 0)
            let before = try readFile(path)
            let error = #expect(throws: StateError.self) { try directory.read(Self.id) }
            #expect(error?.code == .damaged)
            #expect(error?.description.contains(path) == true)
            #expect(error?.cause is JSONError)
            #expect(error?.description.contains(length == 0 ? "the text is empty" : "; line ") == true)
            #expect(try readFile(path) == before)
        }
    }

    @Test(
        "calls a file with something else in it damaged",
        arguments: ["null", "[]", "{\"format\": 1}", "{\"format\": \"1\"}", "\u{0}\u{0}\u{0}"])
    func damaged(text: String) throws {
        try withState { scratch, directory in
            try scratch.write("state/runs/\(Self.id).json", text)
            let error = #expect(throws: StateError.self) { try directory.read(Self.id) }
            #expect(error?.code == .damaged)
        }
    }

    @Test("does not follow a symbolic link")
    func link() throws {
        try withState { scratch, directory in
            try scratch.write("elsewhere", "{}")
            try scratch.link("state/runs/\(Self.id).json", to: scratch.path + "/elsewhere")
            let error = #expect(throws: StateError.self) { try directory.read(Self.id) }
            #expect(error?.code == .damaged)
        }
    }

    @Test("leaves a file of a newer Stillpoint alone")
    func newer() throws {
        try withState { scratch, directory in
            let text = "{\"format\": \(Run.format + 1), \"shape\": \"unheard of\"}"
            let path = try scratch.write("state/runs/\(Self.id).json", text)
            let error = #expect(throws: StateError.self) { try directory.read(Self.id) }
            #expect(error?.code == .newerFormat)
            #expect(error?.description.contains(path) == true)
            #expect(try readFile(path) == Array(text.utf8))
        }
    }

    @Test("says that a run cannot be written, and keeps what was there")
    func notWritten() throws {
        try withState { scratch, directory in
            try directory.write(makeRun(Self.id))
            try scratch.folder("state/runs/\(Self.id).json.tmp")
            let error = #expect(throws: StateError.self) { try directory.write(makeRun(Self.id, names: ["other"])) }
            #expect(error?.code == .notWritten)
            #expect(try directory.read(Self.id).snapshots.map(\.name) == ["daily"])
        }
    }

    @Test("gives a run to one holder only, until the holder is gone")
    func lock() throws {
        try withState { scratch, directory in
            var first = try directory.lock(run: Self.id, waiting: false)
            #expect(first != nil)
            #expect(try directory.lock(run: Self.id, waiting: false) == nil)
            #expect(try directory.lock(run: "another", waiting: false) != nil)
            #expect(try scratch.mode("state/runs/\(Self.id).lock") == 0o600)
            first = nil
            #expect(try directory.lock(run: Self.id, waiting: true) != nil)
        }
    }

    @Test("says what it cannot lock")
    func noLock() throws {
        try withState { scratch, directory in
            try scratch.folder("state/lock")
            let error = #expect(throws: StateError.self) { try directory.lockForClaims() }
            #expect(error?.code == .directory)
            #expect(error?.description.contains(scratch.path + "/state/lock") == true)
        }
    }

    @Test("makes ids that sort by time and differ")
    func ids() {
        let ids = (0..<50).map { _ in RunID.make() }
        #expect(Set(ids).count == 50)
        for id in ids {
            #expect(id.text.utf8.count == 23)
            #expect(id.text.wholeMatch(of: /20\d{6}T\d{6}Z-[0-9a-f]{6}/) != nil)
        }
    }
}
