import Support
import Synchronization
import TestSupport
import Testing
import ZFS

@testable import DiskLocation

@Suite("The places of NFS exports")
struct NFSExportResolverTests {
    /// san1 has 192.0.2.10 and 2001:db8::10; the name server knows nas.example.com for it and answers once.
    private static func identity(lookUp: HostIdentity.Lookup? = nil) throws -> HostIdentity {
        let ours = try ["192.0.2.10", "2001:db8::10"].map { try #require(NetworkAddress($0)) }
        let other = try #require(NetworkAddress("192.0.2.99"))
        return HostIdentity(
            hostName: "San1.example.com", addresses: Set(ours),
            hostsFile: """
                127.0.0.1 localhost
                192.0.2.10	storage.lan storage # comment.lan
                192.0.2.99 elsewhere
                192.0.2.99 both
                192.0.2.10 both
                nonsense broken
                """,
            lookUp: lookUp ?? { name, _ in
                switch name {
                case "nas.example.com": [other, ours[0]]
                case "other.example.com": [other]
                case "slow.example.com": nil
                default: []
                }
            })
    }

    @Test(
        "are this host's by name and by address",
        arguments: [
            ("192.0.2.10", true), ("::ffff:192.0.2.10", true), ("2001:DB8:0::10", true), ("127.0.0.1", true),
            ("::1", true), ("localhost", true), ("san1.example.com", true), ("SAN1.Example.com.", true), ("san1", true),
            ("storage.lan", true), ("STORAGE", true), ("both", true), ("nas.example.com", true),
            ("192.0.2.1", false), ("192.0.2.100", false), ("san1.example.org", false), ("san10", false), ("san", false),
            ("elsewhere", false), ("comment.lan", false), ("broken", false), ("other.example.com", false),
            ("slow.example.com", false), ("nowhere", false), ("", false), (".", false),
        ])
    func hosts(host: String, expected: Bool) throws {
        #expect(try Self.identity().isThisHost(host) == expected)
    }

    @Test("ask for a name once, and for none when a dead name server has used up the time")
    func lookups() throws {
        let asked = Mutex<[String]>([])
        let identity = try Self.identity { name, limit in
            guard limit > .zero else { return nil }
            asked.withLock { $0.append(name) }
            return []
        }
        for _ in 1...3 { #expect(!identity.isThisHost("a.example.com")) }
        #expect(asked.withLock { $0 } == ["a.example.com"])

        let limits = Mutex<[Duration]>([])
        let slow = HostIdentity(hostName: "x", addresses: [], hostsFile: "", lookupTime: .milliseconds(30)) {
            _, limit in
            limits.withLock { $0.append(limit) }
            let end = ContinuousClock.now + .milliseconds(40)
            while ContinuousClock.now < end {}
            return nil
        }
        #expect(!slow.isThisHost("one") && !slow.isThisHost("two"))
        #expect(limits.withLock { $0.map { $0 > .zero } } == [true, false])
    }

    private static func mounts(_ path: String) -> MountTable {
        MountTable(
            mountinfo: """
                1 0 8:1 / / rw - ext4 /dev/sda1 rw
                2 1 0:2 / \(path)/tank rw - zfs tank rw
                3 2 0:3 / \(path)/tank/nfs rw - zfs tank/nfs rw
                4 2 0:4 / \(path)/tank/nfs2 rw - zfs tank/nfs2 rw
                5 3 0:5 / \(path)/tank/nfs/deep rw - zfs tank/nfs/deep rw
                6 1 0:3 / \(path)/srv/nfs4/vm rw - zfs tank/nfs rw
                7 1 0:7 / \(path)/remote rw - nfs4 other:/x rw
                8 1 0:8 / \(path)/vm rw - zfs tank/root rw

                """)
    }

    private func find(_ path: String, hosts: [String] = ["san1"], exports: (String) -> [String: String] = { _ in [:] })
        throws -> [String]
    {
        try withScratchFolder { scratch in
            for folder in ["tank/nfs/a b", "tank/nfs/deep/x", "tank/nfs2", "srv/nfs4/vm", "remote/y", "plain", "vm"] {
                try scratch.folder(folder)
            }
            try scratch.link("export", to: "tank/nfs")
            for (name, text) in exports(scratch.path) { try scratch.write(name, text) }
            let places = NFSExportResolver(
                mounts: Self.mounts(scratch.path), identity: try Self.identity(), root: scratch.path)
            let path = path.hasPrefix("~") ? scratch.path + path.dropFirst() : path
            return places.datasets(hosts: hosts, path: path).map(\.rawValue)
        }
    }

    @Test(
        "are those of the mount that holds the folder",
        arguments: [
            ("~/tank/nfs", ["tank/nfs"]), ("~/tank/nfs/", ["tank/nfs"]), ("~/tank/nfs2", ["tank/nfs2"]),
            ("~/tank/nfs/a b", ["tank/nfs"]), ("~/tank/nfs/deep/x", ["tank/nfs/deep"]), ("~/export", ["tank/nfs"]),
            ("~/tank//nfs2/../nfs", ["tank/nfs"]), ("~/srv/nfs4/vm", ["tank/nfs"]), ("~/tank/other", []),
            ("~/plain", []), ("~/remote/y", []), ("~/none/at/all", []), ("/", []), ("tank/nfs", []), ("", []),
        ])
    func paths(path: String, expected: [String]) throws {
        #expect(try find(path) == expected)
    }

    @Test(
        "are asked about where one of the server's names is this host's",
        arguments: [
            (["other.example.com"], []), ([], []), (["192.0.2.99", "192.0.2.10"], ["tank/nfs"]),
            (["192.0.2.99,192.0.2.10"], ["tank/nfs"]), (["elsewhere", "storage.lan"], ["tank/nfs"]),
        ])
    func servers(hosts: [String], expected: [String]) throws {
        #expect(try find("~/tank/nfs", hosts: hosts) == expected)
    }

    @Test(
        "begin at the pseudo root of NFS 4 where exports(5) sets one",
        arguments: [
            ("etc/exports", "~/srv/nfs4 192.0.2.0/24(rw,fsid=0,no_subtree_check)\n", "/vm", ["tank/nfs"]),
            ("etc/exports", "~/srv/nfs4 -rw,fsid=root a b\n", "/vm", ["tank/nfs"]),
            ("etc/exports", "\"~/srv/nfs4/\" \\\n*(rw,fsid=0)\n", "/vm", ["tank/nfs"]),
            ("etc/exports", "# ~/srv/nfs4 *(fsid=0)\n", "/vm", []),
            ("etc/exports.d/zfs.exports", "~/srv/nfs4 *(sec=sys,rw,fsid=0)\n", "/vm", ["tank/nfs"]),
            ("etc/exports.d/zfs.old", "~/srv/nfs4 *(fsid=0)\n", "/vm", []),
            ("etc/exports", "~/srv/nfs4 *(fsid=0)\n~/tank/nfs2 *(rw)\n", "~/tank/nfs2", ["tank/nfs2"]),
            ("etc/exports", "~/tank/nfs *(fsid=0)\n", "/a\\040b", []),
            ("etc/exports", "~/tank/nfs *(fsid=0)\n", "/a b", ["tank/nfs"]),
            ("etc/exports", "~/tank/nf\\163 *(fsid=0)\n", "/deep/x", ["tank/nfs/deep"]),
            ("etc/exports", "/ *(fsid=0)\n", "~/tank/nfs", ["tank/nfs"]),
            ("etc/exports", "~/srv/nfs4 *(fsid=10)\n", "/vm", []),
            ("var/lib/nfs/etab", "~/srv/nfs4\t192.0.2.0/24(rw,sync,secure,fsid=0,sec=sys)\n", "/vm", ["tank/nfs"]),
            ("var/lib/nfs/etab", "~/tank/nf\\163\t*(ro,fsid=0)\n", "/deep/x", ["tank/nfs/deep"]),
        ])
    func pseudoRoot(file: String, text: String, path: String, expected: [String]) throws {
        let found = try find(path) { scratch in
            [file: text.split(separator: "~", omittingEmptySubsequences: false).joined(separator: scratch)]
        }
        #expect(found == expected)
    }

    @Test("are told by exportfs's table rather than by the files that it was made from, where it has any")
    func table() throws {
        let found = try find("/vm") {
            ["var/lib/nfs/etab": "\($0)/tank\t*(rw,fsid=1)\n", "etc/exports": "\($0)/srv/nfs4 *(fsid=0)\n"]
        }
        #expect(found == [])
        let empty = try find("/vm") { ["var/lib/nfs/etab": "", "etc/exports": "\($0)/srv/nfs4 *(fsid=0)\n"] }
        #expect(empty == ["tank/nfs"])
    }

    @Test("are found on this machine without a hitch")
    func thisMachine() throws {
        let places = NFSExportResolver(mounts: try MountTable.read())
        #expect(places.datasets(hosts: ["localhost"], path: "/proc").isEmpty)
    }
}
