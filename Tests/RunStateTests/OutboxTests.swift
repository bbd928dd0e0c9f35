import Glibc
import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing
import ZFS

@testable import RunState

@Suite("The outbox")
struct OutboxTests {
    private static let run: RunID = "20261121T110000Z-1f3c9a"

    private static func entry(_ ending: OutboxEntry.Ending, _ run: RunID? = Self.run, _ name: String = "db") throws
        -> OutboxEntry
    {
        var entry = OutboxEntry(
            ending, run: run, manager: "sanoid", began: 1, ended: 2, datasets: [try DatasetName("tank/VM")])
        entry.machines = [VMRecord(hypervisor: "local", id: "1", name: name, datasets: [])]
        return entry
    }

    @Test(
        "keeps what was added, whatever the name of a VM is, readable by root alone",
        arguments: ["db", "two\nlines", "\"}", "<script>", "\u{202E}gpj", "../../etc/passwd", ""])
    func kept(_ name: String) throws {
        try withScratchFolder { scratch in
            let outbox = Outbox(StateDirectory(scratch.path))
            let entry = try Self.entry(.released, Self.run, name)
            #expect(try outbox.add(entry) == Outbox.Addition())
            #expect(outbox.names == ["\(Self.run).json"])
            #expect(try outbox.read("\(Self.run).json") == entry)
            let modes = ["", "/\(Self.run).json"].compactMap { FileAccess.status(outbox.folder + $0)?.st_mode }
            #expect(modes.count == 2 && modes.allSatisfy { $0 & 0o077 == 0 })
        }
    }

    @Test("has no more than there is room for: the oldest go, and their names are told")
    func bounds() throws {
        try withScratchFolder { scratch in
            let outbox = Outbox(StateDirectory(scratch.path))
            let ids = (0..<(Outbox.most + 2)).map { RunID("20261121T110000Z-\(100000 + $0)") }
            var dropped: [String] = []
            for id in ids { dropped += try outbox.add(try Self.entry(.released, id)).dropped }
            #expect(dropped == ids.prefix(2).compactMap { $0.map { "\($0).json" } })
            #expect(outbox.names.count == Outbox.most)
        }
    }

    @Test("drops old ones for a large one, which is kept whatever its size")
    func size() throws {
        try withScratchFolder { scratch in
            let outbox = Outbox(StateDirectory(scratch.path))
            _ = try outbox.add(try Self.entry(.released, "1"))
            let old = try #require(outbox.names.first)
            // A hole: it has a length, and takes no room.
            #expect(truncate("\(outbox.folder)/\(old)", off_t(Outbox.mostBytes)) == 0)
            #expect(try outbox.add(try Self.entry(.released, "2")).dropped == [old])
            #expect(outbox.names.count == 1)
        }
    }

    @Test("tells once of what lasts, and of each other report", arguments: OutboxEntry.Ending.allCases)
    func topics(_ ending: OutboxEntry.Ending) throws {
        try withScratchFolder { scratch in
            let outbox = Outbox(StateDirectory(scratch.path))
            var entry = try Self.entry(ending)
            if ending == .unanswered { (entry.run, entry.hypervisor) = (nil, "vc/1 \n") }
            if ending == .misconfigured { entry.run = nil }
            #expect(try outbox.add(entry).isNew)
            let isLasting = [.open, .unanswered, .misconfigured, .unarchived].contains(ending)
            #expect(try outbox.add(entry).isNew == !isLasting)
            #expect(outbox.names.count == 1)
            var other = entry
            if ending == .unanswered { other.hypervisor = "vc/2" } else { other.run = "2" }
            #expect(try outbox.add(other).isNew)
            #expect(outbox.names.count == 2)
            outbox.withdraw([OutboxEntry.topic(unanswered: "vc/1 \n")])
            #expect(outbox.names.count == (ending == .unanswered ? 1 : 2))
        }
    }

    @Test("is sent from by one process at a time, which everybody sees")
    func lock() throws {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path)
            let outbox = Outbox(directory)
            #expect(!outbox.isBeingSent)
            let lock = try outbox.lock(in: directory)
            #expect(lock != nil && outbox.isBeingSent)
            #expect(try outbox.lock(in: directory) == nil)
            withExtendedLifetime(lock) {}
        }
        try withScratchFolder { scratch in
            let outbox = Outbox(StateDirectory(scratch.path))
            _ = try outbox.lock(in: StateDirectory(scratch.path))
            #expect(!outbox.isBeingSent)
        }
    }

    @Test("does not take others' files for reports")
    func others() throws {
        try withScratchFolder { scratch in
            for name in ["last", "lock", "x.json", "20261121T110000Z-1f3c9a.json.tmp", "20261121T110000Z.json"] {
                try scratch.write("outbox/\(name)", "{}")
            }
            #expect(Outbox(StateDirectory(scratch.path)).names.isEmpty)
        }
    }
}
