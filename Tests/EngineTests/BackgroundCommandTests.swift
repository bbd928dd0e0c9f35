import Glibc
import HostFixtures
import SystemPackage
import TestSupport
import Testing

@testable import Engine

@Suite("A command that is started in the background")
struct BackgroundCommandTests {
    @Test(
        "names the configuration whenever there is one, by its whole path",
        arguments: [
            ("/etc/a.conf", [:], ["archive", "--config", "/etc/a.conf"]),
            ("/etc/a.conf", ["STILLPOINT_CONFIG": "/etc/b.conf"], ["archive", "--config", "/etc/a.conf"]),
            (nil, ["STILLPOINT_CONFIG": "/etc/b.conf"], ["archive", "--config", "/etc/b.conf"]),
            (nil, [:], ["archive"]),
        ] as [(String?, [String: String], [String])])
    func named(configuration: String?, environment: [String: String], expected: [String]) {
        let arguments = BackgroundCommand.arguments(
            "archive", configuration, environment: environment, defaultPath: "/nowhere/stillpoint.conf")
        #expect(arguments == expected)
    }

    @Test("names the usual file where that is there")
    func usual() throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("stillpoint.conf", "")
            let arguments = BackgroundCommand.arguments("notify", nil, environment: [:], defaultPath: path)
            #expect(arguments == ["notify", "--config", path])
        }
    }

    @Test("is the one beside the hook, also of a hook that an upgrade has replaced since it was started")
    func place() throws {
        try withScratchFolder { scratch in
            let folder = try scratch.folder("lib")
            try scratch.write("lib/post-snapshot", "")
            func place(_ target: String) throws -> String {
                let link = "exe-\(target.count)"
                try scratch.link(link, to: target)
                let launcher = BackgroundCommand(
                    command: "archive", title: "RAM dumps", otherwise: "", executable: "\(scratch.path)/\(link)",
                    environment: [:], log: LogRecorder().logger)
                return try launcher.commandLine()
            }
            // A folder for scratch may itself be reached by a link.
            #expect(try place("\(folder)/post-snapshot").hasSuffix("/lib/stillpoint"))
            #expect(try place("\(folder)/replaced (deleted)") == "\(folder)/stillpoint")
            #expect(throws: Errno.noSuchFileOrDirectory) { try place("\(folder)/nowhere") }
        }
    }

    @Test("makes a relative path a whole one: a unit of systemd's works in another folder")
    func relative() {
        let path = BackgroundCommand.arguments("archive", "a.conf", environment: [:]).last
        #expect(path?.hasPrefix("/") == true && path?.hasSuffix("/a.conf") == true)
    }
}

@Suite("The priorities of journald")
struct JournalStreamTests {
    @Test("are written only where standard error is the journal's stream")
    func stream() throws {
        try withScratchFolder { scratch in
            let descriptor = open(try scratch.write("stream", ""), O_WRONLY | O_CLOEXEC)
            defer { close(descriptor) }
            var status = stat()
            #expect(fstat(descriptor, &status) == 0)
            let right = "\(status.st_dev):\(status.st_ino)"
            for (text, isRight) in [
                (right, true), ("8:1", false), ("", false), (nil, false), (right + "0", false),
            ] as [(String?, Bool)] {
                #expect(StandardErrorLog.isJournal(text, descriptor: descriptor) == isRight, "\(text ?? "none")")
            }
        }
    }
}
