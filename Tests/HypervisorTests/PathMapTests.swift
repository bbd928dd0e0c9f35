import Hypervisor
import Testing

@Suite("A path map")
struct PathMapTests {
    private static let map = PathMap([
        PathMap.Line(theirs: "/mnt/vmstore", ours: "/tank/VM"),
        PathMap.Line(theirs: "/mnt/vmstore/db", ours: "/tank/VM/db"),
        PathMap.Line(theirs: "/dev/disk/by-path/x-lun-0", ours: "/dev/zvol/tank/web"),
    ])

    @Test(
        "gives the path here of what lies at or below one of its lines, and of nothing else",
        arguments: [
            ("/mnt/vmstore/web.qcow2", "/tank/VM/web.qcow2"), ("/mnt/vmstore", "/tank/VM"),
            ("/mnt/vmstore/db/a", "/tank/VM/db/a"), ("/mnt/vmstore//a/./b", "/tank/VM/a/b"),
            ("/dev/disk/by-path/x-lun-0", "/dev/zvol/tank/web"), ("/dev/disk/by-path/x-lun-0-part1", nil),
            ("/mnt/vmstore2/a", nil), ("/mnt", nil), ("/tank/VM/a", nil), ("mnt/vmstore/a", nil), ("", nil),
            ("/mnt/vmstore/../a", nil), ("/mnt/vmstore/a/..", nil),
        ] as [(String, String?)])
    func ours(theirs: String, expected: String?) {
        #expect(Self.map.ours(theirs) == expected)
    }

    @Test("prefers the longest line, whatever their order")
    func longest() {
        for lines in [Self.map.lines, Self.map.lines.reversed()] {
            #expect(PathMap(lines).line(covering: "/mnt/vmstore/db/a")?.line.theirs == "/mnt/vmstore/db")
        }
    }

    @Test(
        "does not take two lines that could mean two places",
        arguments: [
            ("/a", "/t/b", true), ("/a", "/t/a", true), ("/a/b", "/t/x", true),
            ("/b", "/t/a", true), ("/b", "/t/a/c", true), ("/b", "/t", true), ("/a/b", "/t/a/b", false),
            ("/ab", "/t/ab", false), ("/b", "/t/b", false),
        ])
    func conflicts(theirs: String, ours: String, isRefused: Bool) {
        let first = PathMap.Line(theirs: "/a", ours: "/t/a")
        let second = PathMap.Line(theirs: theirs, ours: ours)
        #expect((PathMap([first]).conflict(with: second) != nil) == isRefused)
        #expect((PathMap([second]).conflict(with: first) != nil) == isRefused)
    }
}

@Suite("A connection URI")
struct ConnectionURITests {
    @Test(
        "says whether the daemon is another host's",
        arguments: [
            ("qemu:///system", false), ("qemu+unix:///system?socket=/x", false), ("test:///default", false),
            ("qemu+native:///system", false), ("kvm1", false), ("", false),
            ("qemu+ssh://root@kvm1/system", true), ("qemu+ssh:///system", true), ("qemu://kvm1/system", true),
            ("qemu+tls://kvm1:16514/system", true), ("qemu+tcp://[::1]/system", true),
            ("qemu+ext:///system?command=x", true),
            ("QEMU+SSH://kvm1/system", true), ("qemu+libssh2://kvm1", true),
        ])
    func host(uri: String, isOfAnotherHost: Bool) {
        #expect(ConnectionURI(uri).isOfAnotherHost == isOfAnotherHost)
    }

    @Test(
        "is given to libvirt so that ssh asks nobody",
        arguments: [
            ("qemu+ssh://kvm1/system", "qemu+ssh://kvm1/system?no_tty=1"),
            ("qemu+ssh://kvm1/system?keyfile=/k", "qemu+ssh://kvm1/system?keyfile=/k&no_tty=1"),
            ("qemu+libssh2://kvm1/system", "qemu+libssh2://kvm1/system?no_tty=1"),
            ("qemu+ssh://kvm1/system?no_tty=1", "qemu+ssh://kvm1/system?no_tty=1"),
            ("qemu+ssh://kvm1/system?a=b&no_tty=1", "qemu+ssh://kvm1/system?a=b&no_tty=1"),
            ("qemu+tls://kvm1/system", "qemu+tls://kvm1/system"), ("qemu:///system", "qemu:///system"),
        ])
    func silence(uri: String, expected: String) {
        #expect(ConnectionURI(uri).asksNobody == expected)
    }

    @Test("says whether ssh was told to ask")
    func asks() {
        #expect(ConnectionURI("qemu+ssh://kvm1/system?no_tty=0").mayAsk)
        #expect(ConnectionURI("qemu+ssh://kvm1/system?no_tty=").mayAsk)
        #expect(!ConnectionURI("qemu+ssh://kvm1/system?no_tty=1").mayAsk)
        #expect(!ConnectionURI("qemu+ssh://kvm1/system").mayAsk)
    }
}
