import Configuration
import Glibc
import HostFixtures
import JSON
import RunState
import Synchronization
import TestSupport
import Testing

@testable import Curl
@testable import Operator

/// The clients alone; real servers are in the lab's NotificationTests.
@Suite("A report")
struct DeliveryTests {
    private static func report() throws -> RunReport {
        RunReport(try MailMessageTests.entry(), id: "20261121T110000Z-1f3c9a", host: "kvm1")
    }

    private func outcome(_ delivery: any Delivery, within limit: Duration = .seconds(5)) async throws -> DeliveryError?
    {
        let report = try Self.report()
        do throws(DeliveryError) {
            try await delivery.deliver(report, within: limit)
            return nil
        } catch {
            return error
        }
    }

    // MARK: webhook

    private func webhook(_ port: UInt16, header: String? = nil) -> WebhookDelivery {
        var settings = NotificationSettings()
        settings.webhookHeaderFile = header
        return WebhookDelivery(settings: settings, url: "http://127.0.0.1:\(port)/T0/secret")
    }

    @Test("is posted as JSON, with the header that a file has")
    func posted() async throws {
        try await withScratchFolder { scratch async throws in
            let header = try scratch.write("header", "Authorization: Bearer t0k3n\n", mode: 0o600)
            let request = Mutex("")
            let server = try LineServer { connection, _ in
                let got = LineServer.receive(until: "\n}", connection)
                request.withLock { $0 = got }
                LineServer.send("HTTP/1.1 204 None\r\n\r\n", connection)
            }
            defer { server.stop() }
            #expect(try await outcome(webhook(server.port, header: header))?.description == nil)
            let got = request.withLock { $0 }
            #expect(
                got.hasPrefix("POST /T0/secret HTTP/1.1\r\n") && got.contains("\r\nAuthorization: Bearer t0k3n\r\n"))
            #expect(got.contains("\r\nContent-Type: application/json\r\n"))
            let body = try #require(got.split(separator: "\r\n\r\n", maxSplits: 1).last)
            #expect(try JSON.decode(RunReport.self, from: Array(body.utf8)) == Self.report())
        }
    }

    @Test(
        "that a webhook does not take is not sent, and the secret in its address is not told",
        arguments: [
            ("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "answers HTTP 500", false),
            ("HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n", "answers HTTP 429", false),
            ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "answers HTTP 404", true),
            (
                "HTTP/1.1 302 No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "redirects elsewhere",
                true
            ),
            ("", "the connection to", false),
            ("SSH-2.0-OpenSSH\r\n", "the connection to", false),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + String(repeating: "x", count: 2 << 20),
                "more than makes sense", false
            ),
        ])
    func notPosted(answer: String, problem: String, isRefusal: Bool) async throws {
        let server = try LineServer { connection, _ in
            _ = LineServer.receive(until: "\n}", connection)
            LineServer.send(answer, connection)
        }
        defer { server.stop() }
        let error = try #require(try await outcome(webhook(server.port)))
        #expect(error.description.contains(problem) && error.isRefusal == isRefusal, "\(error)")
        #expect(!error.description.contains("secret"))
    }

    @Test("waits for no webhook that hangs, nor for one that nobody has")
    func hanging() async throws {
        let server = try LineServer { _, _ in sleep(20) }
        let start = ContinuousClock.now
        let error = try await outcome(webhook(server.port), within: .milliseconds(500))
        #expect(error?.description.contains("no answer from 127.0.0.1:\(server.port)") == true)
        server.stop()
        #expect(try await outcome(webhook(server.port))?.description.contains("nothing answers") == true)
        #expect(ContinuousClock.now - start < .seconds(4))
    }

    @Test(
        "has no second header, and no header that others can read",
        arguments: [
            ("A: b\nC: d", 0o600), ("nothing", 0o600), (": x", 0o600), ("A b: c", 0o600), ("A: b", 0o644), ("", 0o600),
        ] as [(String, UInt32)])
    func header(text: String, mode: UInt32) async throws {
        try await withScratchFolder { scratch async throws in
            let header = try scratch.write("header", text, mode: mode)
            let error = try #require(try await outcome(webhook(1, header: header)))
            #expect(error.description.contains("header") && !error.description.contains("C: d"), "\(error)")
        }
    }

    // MARK: mail

    private func mail(_ port: UInt16) -> MailDelivery {
        var settings = NotificationSettings()
        settings.mailTo = "ops@example.com, root@example.com"
        settings.smtpURL = "smtp://127.0.0.1:\(port)"
        return MailDelivery(settings: settings, environment: [:])
    }

    @Test("says for how long it waited: to connect there is less time than for the whole")
    func waited() {
        let error = DeliveryError(
            CurlError(.timedOut, "late"), at: "mail.example.com:25", since: .now - .seconds(20), authorities: "")
        #expect(error.description == "no answer from mail.example.com:25 within 20 s")
    }

    /// What a server says: the greeting, then an answer to each line, `354` to DATA, and one to the message.
    private static func serve(_ answers: [String: String], _ connection: Int32, after seconds: UInt32 = 0) -> String {
        sleep(seconds)
        LineServer.send(answers["greeting"] ?? "220 test\r\n", connection)
        var all = ""
        while true {
            let line = LineServer.receive(until: "\r\n", connection)
            guard !line.isEmpty else { return all }
            all += line
            let word = String(line.prefix(4)).uppercased()
            LineServer.send(answers[word] ?? (word == "DATA" ? "354 go\r\n" : "250 ok\r\n"), connection)
            guard word == "DATA" else { continue }
            all += LineServer.receive(until: "\r\n.\r\n", connection)
            LineServer.send(answers["."] ?? "250 ok\r\n", connection)
        }
    }

    @Test("is mailed, to a server that greets late, too")
    func mailed() async throws {
        let got = Mutex("")
        let server = try LineServer { connection, _ in
            let all = Self.serve([:], connection, after: 1)
            got.withLock { $0 = all }
        }
        defer { server.stop() }
        #expect(try await outcome(mail(server.port))?.description == nil)
        try await Task.sleep(for: .milliseconds(200))
        let text = got.withLock { $0 }
        #expect(text.contains("MAIL FROM:<root@kvm1>") && text.contains("RCPT TO:<root@example.com>\r\n"), "\(text)")
        #expect(text.contains("\r\nSubject: [stillpoint] kvm1: tank/VM: db: crash-consistent (agent-silent)\r\n"))
    }

    @Test("is mailed, and not mailed again, where the server takes it and never says farewell")
    func mailedWithoutFarewell() async throws {
        let server = try LineServer { connection, _ in _ = Self.serve(["QUIT": ""], connection) }
        defer { server.stop() }
        let start = ContinuousClock.now
        #expect(try await outcome(mail(server.port), within: .seconds(2))?.description == nil)
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test(
        "that a mail server does not take is not sent",
        arguments: [
            (["RCPT": "550 no such user\r\n"], "has refused it"),
            (["MAIL": "451 later\r\n"], "has refused it"),
            ([".": "554 spam\r\n"], "has refused it"),
            (["greeting": "554 go away\r\n"], "127.0.0.1"),
            (["greeting": "HTTP/1.1 400 Bad Request\r\n\r\n"], "127.0.0.1"),
        ] as [([String: String], String)])
    func notMailed(answers: [String: String], problem: String) async throws {
        let server = try LineServer { connection, _ in _ = Self.serve(answers, connection) }
        defer { server.stop() }
        let error = try #require(try await outcome(mail(server.port), within: .seconds(3)))
        #expect(error.description.contains(problem), "\(error)")
    }

    @Test("waits for no mail server that says nothing, and is not sent by one that closes")
    func silent() async throws {
        let start = ContinuousClock.now
        let silent = try LineServer { _, _ in sleep(20) }
        #expect(
            try await outcome(mail(silent.port), within: .milliseconds(700))?.description.contains("no answer from")
                == true)
        silent.stop()
        let closing = try LineServer { _, _ in }
        #expect(try await outcome(mail(closing.port)) != nil)
        closing.stop()
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test("says nothing to a mail server elsewhere that has no TLS")
    func plain() async throws {
        let got = Mutex("")
        let server = try LineServer { connection, _ in
            let all = Self.serve([:], connection)
            got.withLock { $0 = all }
        }
        defer { server.stop() }
        try await withScratchFolder { scratch async throws in
            var settings = mail(server.port).settings
            // As for a server elsewhere.
            settings.smtpCAFile = try scratch.write("ca.pem", "")
            let error = try await outcome(MailDelivery(settings: settings, environment: [:]))
            #expect(error?.description.contains("no TLS connection") == true, "\(String(describing: error))")
            try await Task.sleep(for: .milliseconds(100))
            #expect(!got.withLock { $0 }.contains("MAIL"))
        }
    }

    @Test("is handed to sendmail, which may take no longer than it has")
    func sendmail() async throws {
        try await withScratchFolder { scratch async throws in
            var settings = NotificationSettings()
            settings.mailTo = "root"
            let delivery = MailDelivery(settings: settings, environment: ["PATH": try scratch.folder("bin")])
            func install(_ lines: String) throws {
                try scratch.write("bin/sendmail", "#!/bin/sh\n\(lines)\n", mode: 0o755)
            }
            try install("echo \"$@\" >\(scratch.path)/arguments; exec cat >\(scratch.path)/mail")
            #expect(try await outcome(delivery)?.description == nil)
            #expect(String(decoding: try readFile(scratch.path + "/arguments"), as: UTF8.self) == "-t -i\n")
            let text = String(decoding: try readFile(scratch.path + "/mail"), as: UTF8.self)
            #expect(text.hasPrefix("From: Stillpoint <root>\nTo: root\nSubject: [stillpoint] kvm1"))
            try install("echo 'no route' >&2; exit 75")
            #expect(try await outcome(delivery)?.description.hasSuffix("it ended with status 75: no route") == true)
            try install("sleep 30")
            let start = ContinuousClock.now
            let late = try await outcome(delivery, within: .milliseconds(300))
            #expect(
                late?.description.hasSuffix("it did not end within 300 ms, and was killed") == true,
                "\(String(describing: late))")
            #expect(ContinuousClock.now - start < .seconds(4))
        }
    }

    // MARK: on_problem

    @Test("is read by on_problem from its standard input, in an environment of its own")
    func program() async throws {
        try await withScratchFolder { scratch async throws in
            let path = try scratch.write(
                "page", "#!/bin/sh\nenv >\(scratch.path)/env\nexec cat >\(scratch.path)/json\n", mode: 0o755)
            #expect(try await outcome(ProgramDelivery(path: path))?.description == nil)
            #expect(try JSON.decode(RunReport.self, from: readFile(scratch.path + "/json")) == Self.report())
            let names = String(decoding: try readFile(scratch.path + "/env"), as: UTF8.self).split(separator: "\n").map
            {
                String($0.prefix { $0 != "=" })
            }
            #expect(Set(names).isSubset(of: ["PATH", "LANG", "PWD", "SHLVL", "_", "OLDPWD"]), "\(names)")
        }
    }

    @Test("is tried again where on_problem fails, is late, is not there or is others' to change")
    func programs() async throws {
        try await withScratchFolder { scratch async throws in
            let child = scratch.path + "/child"
            let cases: [(String, UInt32, String, Duration)] = [
                ("exit 3", 0o755, "status 3", .seconds(60)),
                ("sleep 300 & echo $! >\(child); wait", 0o755, "did not end within", .seconds(2)),
                ("true", 0o777, "others may write", .seconds(60)), ("true", 0o644, "cannot be started", .seconds(60)),
            ]
            for (index, (lines, mode, problem, limit)) in cases.enumerated() {
                let path = try scratch.write("page\(index)", "#!/bin/sh\n\(lines)\n", mode: mode)
                let error = try await outcome(ProgramDelivery(path: path), within: limit)
                #expect(error?.description.contains(problem) == true, "\(problem): \(String(describing: error))")
            }
            let number = try #require(pid_t(String(decoding: try readFile(child), as: UTF8.self).dropLast()))
            // A zombie is what nobody has asked for yet; a killed process is one when it has had its turn.
            let hasEnded = try await eventually {
                let stat = String(decoding: try readFile("/proc/\(number)/stat"), as: UTF8.self)
                return stat.isEmpty || stat.contains(") Z ")
            }
            #expect(hasEnded, "what it had started lives on")
            #expect(try await outcome(ProgramDelivery(path: "/nowhere/page")) != nil)
        }
    }
}
