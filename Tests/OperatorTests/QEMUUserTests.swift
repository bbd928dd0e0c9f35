import Glibc
import TestSupport
import Testing

@testable import Operator

@Suite("The user that QEMU runs as")
struct QEMUUserTests {
    private func withUser(_ conf: String, _ test: (ScratchFolder, QEMUUser) throws -> Void) throws {
        let scratch = try ScratchFolder()
        defer { scratch.remove() }
        try scratch.write("host/etc/libvirt/qemu.conf", conf)
        try scratch.folder("a/b")
        try test(scratch, QEMUUser(of: CheckedHost(root: scratch.path + "/host")))
    }

    @Test(
        "is the last that qemu.conf names, by name or number",
        arguments: [
            ("user = \"root\"\n", 0), ("#user = \"root\"\nuser = \"+4000000000\"\n", 4_000_000_000),
            (" user='root'\nuser = \"4000000001\" # x\n", 4_000_000_001),
        ] as [(String, uid_t)])
    func configured(conf: String, id: uid_t) throws {
        try withUser(conf) { #expect($1.id == id) }
    }

    @Test("is that of a running QEMU where qemu.conf does not say")
    func running() throws {
        let scratch = try ScratchFolder()
        defer { scratch.remove() }
        try scratch.write("host/run/libvirt/qemu/web.pid", "\(getpid())\n")
        #expect(QEMUUser(of: CheckedHost(root: scratch.path + "/host")).id == geteuid())
    }

    @Test("enters a folder by the bit that counts for it, and each that it cannot is named with its fix")
    func modes() throws {
        try withUser("user = \"+4000000000\"\ngroup = \"+4000000000\"\n") { scratch, user in
            let (outer, inner) = (scratch.path + "/a", scratch.path + "/a/b")
            #expect(user.closedFolders(to: inner).isEmpty)
            chmod(outer, 0o750)
            #expect(user.closedFolders(to: inner).map(\.fix) == ["chmod o+x \(outer)"])
            chmod(inner, 0o700)
            #expect(user.closedFolders(to: inner).map(\.folder) == [outer, inner])
            chmod(outer, 0o711)
            chmod(inner, 0o711)
            let link = scratch.path + "/link"
            try #require(symlink(inner, link) == 0)
            chmod(outer, 0o700)
            #expect(user.closedFolders(to: link).map(\.folder) == [outer])
            guard geteuid() == 0 else { return }
            chmod(outer, 0o701)
            try #require(chown(outer, 0, 4_000_000_000) == 0)
            #expect(user.closedFolders(to: inner).map(\.fix) == ["chmod g+x \(outer)"])
            try #require(chown(outer, 4_000_000_000, 0) == 0)
            chmod(outer, 0o011)
            #expect(user.closedFolders(to: inner).map(\.fix) == ["chmod u+x \(outer)"])
        }
    }
}
