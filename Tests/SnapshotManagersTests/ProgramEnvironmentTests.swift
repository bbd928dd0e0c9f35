import Glibc
import SnapshotManagers
import SystemPackage
import TestSupport
import Testing

@testable import Support

@Suite("The environment of a program")
struct ProgramEnvironmentTests {
    @Test(
        "keeps what managers, systemd and the administrator say",
        arguments: [
            ("SANOID_TARGETS", "tank/a,tank/b"), ("ZREPL_FS", "tank"), ("ZNAP_NAME", "tank@a"),
            ("STILLPOINT_CONFIG", "/etc/x.conf"), ("JOURNAL_STREAM", "8:1"), ("CREDENTIALS_DIRECTORY", "/run/c"),
            ("INVOCATION_ID", "1"), ("TERM", "xterm"), ("COLUMNS", "80"), ("NO_COLOR", "1"),
            ("LANG", "de_DE.UTF-8@euro"),
            ("LC_TIME", "C"), ("TZ", "Europe/Berlin"), ("TZ", "CET-1CEST,M3.5.0,M10.5.0/3"), ("TZ", "<+03>-3"),
            ("SSH_AUTH_SOCK", "/run/agent"),
        ])
    func keeps(name: String, value: String) {
        #expect(ProgramEnvironment.kept(of: [name: value])[name] == value)
    }

    @Test(
        "keeps nothing that a library or another program would obey",
        arguments: [
            ("LD_PRELOAD", "/tmp/x.so"), ("LD_LIBRARY_PATH", "/tmp"), ("LIBVIRT_LOG_OUTPUTS", "1:file:/etc/x"),
            ("LIBVIRT_DEFAULT_URI", "test:///default"), ("SSLKEYLOGFILE", "/tmp/k"), ("OPENSSL_CONF", "/tmp/o"),
            ("GCONV_PATH", "/tmp"), ("LOCPATH", "/tmp"), ("GLIBC_TUNABLES", "x"), ("MALLOC_TRACE", "/tmp/m"),
            ("TZDIR", "/tmp"), ("TZ", "/tmp/fifo"), ("TZ", ":/tmp/fifo"), ("TZ", "../../tmp/fifo"),
            ("LC_ALL", "../x"), ("LANG", "/tmp"), ("LANG", "a b"), ("https_proxy", "http://x"), ("NOTIFY_SOCKET", "/x"),
            ("STILLPOINT_GUARD", "x"), ("STILLPOINT_WATCHDOG", "x"), ("BASH_ENV", "/tmp/b"), ("ENV", "/tmp/b"),
            ("BASH_FUNC_zfs%%", "() { id; }"), ("TMPDIR", "/tmp/x"), ("SANOID", "x"), ("ZPOOL_SCRIPTS_PATH", "/tmp"),
            ("ZFS_ABORT", "1"), ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/tmp/x"), ("XDG_CONFIG_HOME", "/tmp"),
            ("SSH_AUTH_SOCK", "agent"), ("HOME", "."), ("HOME", ""), ("LIBVIRT_AUTH_FILE", "/tmp/a"), ("", "x"),
        ])
    func drops(name: String, value: String) {
        #expect(ProgramEnvironment.kept(of: [name: value])[name] == nil)
    }

    @Test("searches for programs where root and its own user put them, and always in the system's folders")
    func path() throws {
        try withScratchFolder { scratch in
            let mine = try scratch.folder("mine")
            let open = try scratch.folder("open")
            let below = try scratch.folder("open/below")
            chmod(open, 0o777)
            let group = try scratch.folder("group")
            chmod(group, 0o775)
            try scratch.link("linked", to: open)
            let entries = [
                "", ".", "bin", "./x", mine, open, below, group, scratch.path + "/linked", "/nowhere",
                mine + "/../open",
                "/tmp", "/dev/null", "/usr/bin",
            ]
            let kept = ProgramEnvironment.kept(of: ["PATH": entries.joined(separator: ":")])
            #expect(kept["PATH"] == "\(mine):/usr/bin:/usr/sbin:/sbin:/bin")
        }
        #expect(ProgramEnvironment.kept(of: [:]) == ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
    }

    @Test("does not search a folder of another user", .enabled(if: geteuid() == 0, "only root can give files away"))
    func others() throws {
        try withScratchFolder { scratch in
            let theirs = try scratch.folder("theirs")
            let below = try scratch.folder("theirs/below")
            #expect(ProgramFolders.isSafe(below))
            chown(theirs, 65534, 65534)
            #expect(!ProgramFolders.isSafe(theirs) && !ProgramFolders.isSafe(below))
            #expect(ProgramEnvironment.kept(of: ["HOME": theirs, "XDG_RUNTIME_DIR": below]).keys.sorted() == ["PATH"])
        }
    }

    @Test("a program is found by an absolute path, and where nobody else can have changed it")
    func programs() throws {
        try withScratchFolder { scratch in
            let good = try scratch.write("good/zfs", "#!/bin/sh\n", mode: 0o755)
            try scratch.write("bad/zfs", "#!/bin/sh\n", mode: 0o777)
            try scratch.write("open/zfs", "#!/bin/sh\n", mode: 0o755)
            chmod(scratch.path + "/open", 0o777)
            try scratch.link("linked/zfs", to: scratch.path + "/open/zfs")
            let bad = [".", "", "bad", "open", "linked"].map { $0.count < 2 ? $0 : "\(scratch.path)/\($0)" }
            func find(_ folders: [String]) -> String? {
                programPath("zfs", environment: ["PATH": folders.joined(separator: ":")], others: [])
            }
            #expect(find(bad + [scratch.path + "/good"]) == good)
            #expect(find(bad) == nil)
        }
    }

    @Test("a program that is named without its folder is not started", arguments: ["sh", "./sh", "../bin/sh", ""])
    func relative(program: String) async {
        await #expect(throws: ChildProcess.Failure.notStarted(.noSuchFileOrDirectory)) {
            try await ChildProcess.run(program, ["-c", "exit 0"], within: .seconds(5))
        }
    }
}
