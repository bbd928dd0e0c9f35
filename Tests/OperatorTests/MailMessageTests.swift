import HostFixtures
import Hypervisor
import JSON
import RunState
import Testing
import ZFS

@testable import Operator

@Suite("A mail")
struct MailMessageTests {
    static func entry(_ name: String = "db", _ ending: OutboxEntry.Ending = .released) throws -> OutboxEntry {
        let dataset = try DatasetName("tank/VM")
        var entry = OutboxEntry(
            ending, run: "20261121T110000Z-1f3c9a", manager: "sanoid", began: 1_795_258_800, ended: 1_795_258_805,
            datasets: [dataset])
        var record = VMRecord(hypervisor: "local", id: "c0ffee", name: name, datasets: [dataset])
        record.strategy = .crashConsistent
        record.consistency = .crash
        record.fallbacks = [
            .init(strategy: .quiesce, reason: "the agent of \(name) did not answer", code: .agentSilent)
        ]
        var other = VMRecord(hypervisor: "local", id: "1", name: "web", datasets: [dataset])
        other.strategy = .quiesce
        other.consistency = .quiesced
        entry.machines = [other, record]
        return entry
    }

    private func message(_ entry: OutboxEntry) -> MailMessage {
        MailMessage(
            RunReport(entry, id: "20261121T110000Z-1f3c9a", host: "kvm1"), sender: "root", recipients: ["root"])
    }

    private func headerLines(_ message: MailMessage) -> [String] {
        let lines = message.text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.prefix { !$0.isEmpty }.map(String.init)
    }

    @Test("says in its subject the host, the datasets and what happened")
    func subject() throws {
        #expect(message(try Self.entry()).subject == "[stillpoint] kvm1: tank/VM: db: crash-consistent (agent-silent)")
        var entry = try Self.entry("db", .untaken)
        #expect(
            message(entry).subject
                == "[stillpoint] kvm1: tank/VM: failed: no snapshot was taken while the VMs were held")
        entry = try Self.entry("db", .open)
        #expect(message(entry).subject == "[stillpoint] kvm1: tank/VM: still held: db: crash-consistent (agent-silent)")
        entry = try Self.entry()
        entry.machines.removeLast()
        #expect(message(entry).subject == "[stillpoint] kvm1: tank/VM: well, 1 VM")
    }

    @Test(
        "has a short subject of plain text where pre-snapshot refused or failed, and all of it below",
        arguments: [
            (
                OutboxEntry.Ending.failed, nil, "/etc/x: others may write … fix: chmod",
                "pre-snapshot refused (see mail)"
            ),
            (.failed, nil, String(repeating: "long ", count: 90), "pre-snapshot refused (see mail)"),
            (.unanswered, nil, "[hypervisor esx]: its VMs … /x", "a hypervisor did not answer (see mail)"),
            (.unarchived, "20261121T110000Z-1f3c9a", "/cold/ram is full", "failed: see mail"),
            (.open, "20261121T110000Z-1f3c9a", "/a/b cannot be read …", "still held: see mail"),
        ] as [(OutboxEntry.Ending, RunID?, String, String)])
    func refusal(ending: OutboxEntry.Ending, run: RunID?, reason: String, expected: String) throws {
        var entry = try Self.entry("db", ending)
        entry.run = run
        entry.machines = []
        entry.reasons = [reason]
        let message = message(entry)
        #expect(message.subject == "[stillpoint] kvm1: tank/VM: \(expected)")
        #expect(message.body.contains("* " + reason.prefix(300)))
    }

    @Test("has a subject of plain text however long a name is")
    func long() throws {
        let subject = message(try Self.entry(String(repeating: "x", count: 5000))).subject
        #expect(
            subject.utf8.count < 200 && subject.utf8.allSatisfy { $0 < 127 }
                && subject.contains("...: crash-consistent"))
    }

    @Test(
        "has no header by the name of a VM",
        arguments: [
            "a\nBcc: victim@example.com", "a\r\n\r\nbody", "a\u{2028}b", "\u{202E}gpj", "ünïcödé", "=?utf-8?q?x?=",
            "\"quoted\"",
            "<script>alert(1)</script>", String(repeating: "名前", count: 200), String(repeating: "x", count: 5000),
            "a\0b",
        ])
    func headers(_ name: String) throws {
        let message = message(try Self.entry(name))
        let lines = headerLines(message)
        let names = lines.filter { !$0.hasPrefix(" ") }.map { String($0.prefix { $0 != ":" }) }
        #expect(
            names == [
                "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
                "Content-Transfer-Encoding",
            ])
        #expect(lines.allSatisfy { line in line.utf8.count <= 230 && line.utf8.allSatisfy { $0 >= 32 && $0 < 127 } })
        #expect(message.text.utf8.allSatisfy { $0 == 10 || $0 >= 32 && $0 < 127 })
        #expect(message.text.split(separator: "\n").dropFirst(lines.count).allSatisfy { $0.utf8.count <= 76 })
    }

    @Test(
        "has encoded words where a header is no plain text",
        arguments: [
            ("plain text, (really)", "plain text, (really)"),
            ("grün", "=?UTF-8?Q?gr=C3=BCn?="),
            ("a =?x", "=?UTF-8?Q?a_=3D=3Fx?="),
            ("a\nb", "a\\nb"),
        ])
    func encoded(text: String, expected: String) {
        #expect(HeaderText.encoded(text) == expected)
    }

    @Test("divides no character between two encoded words, none of which is longer than 75")
    func words() {
        for word in HeaderText.encoded(String(repeating: "名", count: 90)).split(separator: "\n ") {
            #expect(word.utf8.count <= 75)
            let digits = word.dropFirst(10).dropLast(2).split(separator: "=").compactMap { UInt8($0, radix: 16) }
            #expect(String(validating: digits, as: UTF8.self) != nil)
        }
    }

    @Test(
        "is quoted-printable",
        arguments: [
            ("plain", "plain"), ("a=b", "a=3Db"), ("ü", "=C3=BC"), ("end ", "end=20"), (".", "=2E"), ("..x", "=2E.x"),
            ("From me", "=46rom me"), ("\t", "=09"), ("a\n\nb", "a\n\nb"),
            (String(repeating: "x", count: 80), String(repeating: "x", count: 75) + "=\n" + "xxxxx"),
        ])
    func quotedPrintable(text: String, expected: String) {
        #expect(MailMessage.quotedPrintable(text) == expected)
    }

    @Test("has a date as RFC 5322 wants it")
    func date() {
        #expect(MailMessage.date(1_795_258_800) == "Sat, 21 Nov 2026 11:00:00 +0000")
        #expect(MailMessage.date(0) == "Thu, 1 Jan 1970 00:00:00 +0000")
    }

    @Test("ends its lines by CRLF for a mail server alone")
    func lines() throws {
        let message = message(try Self.entry())
        #expect(!message.text.utf8.contains(13))
        let bytes = message.bytes
        #expect(bytes.indices.allSatisfy { bytes[$0] != 10 || $0 > 0 && bytes[$0 - 1] == 13 })
    }

    @Test("has what each VM wanted and got, why, and what to do")
    func body() throws {
        let text = message(try Self.entry()).body
        for line in [
            "VM   wanted   got\n", "db   quiesce  crash-consistent (agent-silent)\n", "web  quiesce  quiesced\n",
            "  quiesce: the agent of db did not answer\n", "  stillpoint explain db\n", "  stillpoint check\n",
            "began      2026-11-21T11:00:00Z\n",
        ] { #expect(text.contains(line), "\(text)") }
    }

    @Test(
        "has commands that take a VM's name for nothing else",
        arguments: [("-n", "-- -n"), ("--json", "-- --json"), ("it's", "'it'\\''s'"), ("a;id", "'a;id'")])
    func commands(name: String, word: String) throws {
        let text = message(try Self.entry(name)).body
        #expect(text.contains("\n  stillpoint explain \(word)\n"), "\(text)")
    }

    @Test("of a run that was undone says so first, and that no VM got anything")
    func undone() throws {
        var entry = try Self.entry("legacy", .undone)
        entry.reasons = ["all was undone: on_failure = abort, because of legacy", "there is no consistent snapshot"]
        entry.machines[0].consistency = .crash
        entry.machines[0].loweredBy = .undone
        let message = message(entry)
        #expect(message.subject == "[stillpoint] kvm1: tank/VM: failed: all was undone (see mail)")
        let text = message.body
        #expect(
            text.hasPrefix(
                "kvm1: failed: all was undone: on_failure = abort, because of legacy\n\n"
                    + "* all was undone: on_failure = abort, because of legacy\n* there is no consistent snapshot\n"))
        for line in ["web     quiesce  nothing (undone)\n", "legacy  quiesce  nothing (agent-silent)\n"] {
            #expect(text.contains(line), "\(text)")
        }
        #expect(!text.contains("quiesced") && !text.contains("crash-consistent"))
    }

    @Test("of a VM that is stale says what it wanted, and how it comes back to its own disks")
    func stale() throws {
        var entry = try Self.entry()
        entry.machines[1].strategy = nil
        entry.machines[1].consistency = .stale
        entry.machines[1].fallbacks = [.init(strategy: .quiesce, reason: "no open run has that overlay", code: .stale)]
        let text = message(entry).body
        for line in ["db   quiesce  stale\n", "What to do:\n  stillpoint recover --adopt\n"] {
            #expect(text.contains(line), "\(text)")
        }
    }

    @Test("of a thousand VMs is of a bearable length")
    func many() throws {
        var entry = try Self.entry()
        entry.machines = (0..<1000).flatMap { _ in entry.machines }
        let text = message(entry).text
        #expect(text.utf8.count < 200_000 && text.contains("and 1800 more"))
        #expect(message(entry).subject.hasSuffix("(agent-silent), and 999 more"))
    }
}
