import Glibc
import Hypervisor
import SystemPackage
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("Putting a saved file where QEMU's user may write", .serialized)
struct FilePlacementTests {
    private func elsewhere(_ scratch: ScratchFolder) throws -> Canary {
        for name in ["web.fd", "web.fd.stillpoint", "shadow"] {
            try scratch.write("etc/\(name)", "root's", mode: 0o600)
        }
        return Canary(scratch.path + "/etc")
    }

    @Test(arguments: ["qemu/nvram", "qemu/nvram/web.fd", "qemu/nvram/web.fd.stillpoint"])
    func `leads nowhere else while a name is exchanged`(place: String) throws {
        try withScratchFolder { scratch in
            let canary = try elsewhere(scratch)
            let from = try scratch.write("kept", "variables", mode: 0o600)
            try scratch.write("qemu/nvram/web.fd", "old", mode: 0o600)
            for name in ["qemu", "qemu/nvram", "qemu/nvram/web.fd"] { try scratch.giveAway(name) }
            let to = scratch.path + "/qemu/nvram/web.fd"
            let target = scratch.path + "/etc" + (place.hasSuffix("nvram") ? "" : "/shadow")
            let outcome = Exchange("\(scratch.path)/\(place)", forLinkTo: target).during {
                FilePlacement.remove(try FilePlacement(from: from, to: to, original: to).place())
            }
            #expect(outcome.exchanges >= Exchange.rounds)
            #expect(outcome.successes > 0)
            #expect(Canary(scratch.path + "/etc") == canary)
        }
    }

    /// What lies in the place of the file.
    enum Occupant: CaseIterable { case file, hardLink, link, danglingLink, fifo }

    @Test(arguments: Occupant.allCases)
    func `replaces what has its name, and writes through none of it`(occupant: Occupant) throws {
        try withScratchFolder { scratch in
            try scratch.write("etc/shadow", "root's", mode: 0o600)
            let from = try scratch.write("kept", "variables", mode: 0o6755)
            let to = try scratch.folder("qemu") + "/web.fd"
            switch occupant {
            case .file: try scratch.write("qemu/web.fd", "old", mode: 0o6755)
            case .hardLink: try #require(Glibc.link(scratch.path + "/etc/shadow", to) == 0)
            case .link: try scratch.link("qemu/web.fd", to: scratch.path + "/etc/shadow")
            case .danglingLink: try scratch.link("qemu/web.fd", to: scratch.path + "/etc/none")
            case .fifo: try #require(mkfifo(to, 0o600) == 0)
            }
            try scratch.giveAway("qemu")
            _ = try FilePlacement(from: from, to: to, original: nil).place()
            #expect(try readFile(to) == Array("variables".utf8))
            #expect(try scratch.mode("qemu/web.fd") == 0o600)
            #expect(try readFile(scratch.path + "/etc/shadow") == Array("root's".utf8))
            #expect(try scratch.names(in: "etc") == ["shadow"])
            #expect(try scratch.names(in: "qemu") == ["web.fd"])
        }
    }

    /// What lies in the place of the saved file.
    enum Source: CaseIterable { case link, zeros, fifo, folder, large, none }

    @Test(arguments: Source.allCases)
    func `takes a small regular file alone, and refuses at once`(source: Source) throws {
        try withScratchFolder { scratch in
            try scratch.write("etc/shadow", "root's", mode: 0o600)
            let from = try scratch.folder("clone") + "/nvram"
            switch source {
            case .link: try scratch.link("clone/nvram", to: scratch.path + "/etc/shadow")
            case .zeros: try scratch.link("clone/nvram", to: "/dev/zero")
            case .fifo: try #require(mkfifo(from, 0o600) == 0)
            case .folder: try scratch.folder("clone/nvram")
            case .large:
                try scratch.write("clone/nvram", "")
                try #require(truncate(from, 3 << 30) == 0)
            case .none: break
            }
            try scratch.folder("qemu")
            let to = scratch.path + "/qemu/web.fd"
            var times: [Duration] = []
            for _ in 0..<3 {
                times.append(
                    ContinuousClock().measure {
                        let error = #expect(throws: HypervisorError.self) {
                            try FilePlacement(from: from, to: to, original: nil).place()
                        }
                        #expect(error?.cause is Errno)
                        #expect(error?.message.contains("\(from) cannot be copied to \(to)") == true)
                    })
            }
            #expect(times.min() ?? .seconds(1) < .milliseconds(100))
            #expect(try scratch.names(in: "qemu").isEmpty)
        }
    }
}
