import Configuration
import HostFixtures
import RunState
import TestSupport
import Testing
import ZFS

@testable import Operator

@Suite("A mail is sent")
struct MailDecisionTests {
    private static func entry(_ dataset: String, isProblem: Bool) throws -> OutboxEntry {
        OutboxEntry(
            isProblem ? .untaken : .released, manager: "sanoid", began: 0, ended: 0,
            datasets: [try DatasetName(dataset)])
    }

    /// Runs of two datasets, one after the other: `A` with a problem, `a` without.
    @Test(
        "of those runs that mail_on names",
        arguments: [
            (NotificationSettings.MailOn.problem, "aAAaBbA", "_AA_B_A"),
            (.always, "aAAaBbA", "aAAaBbA"),
            (.change, "aAAaaAAa", "_A_a_A_a"),
            // One that is well hides no other that is not.
            (.change, "AbAbAbab", "A_____a_"),
            (.change, "ABabAB", "ABabAB"),
        ])
    func runs(mailOn: NotificationSettings.MailOn, runs: String, expected: String) throws {
        try withScratchFolder { scratch in
            let outbox = Outbox(StateDirectory(scratch.path))
            try scratch.folder("outbox")
            var mailed = ""
            for run in runs {
                // Each by another process.
                var decision = MailDecision(in: outbox)
                let isMailed = decision.take(
                    try Self.entry("tank/\(run.lowercased())", isProblem: run.isUppercase), mailOn)
                try decision.write(to: outbox)
                mailed += isMailed ? String(run) : "_"
            }
            #expect(mailed == expected)
        }
    }

    @Test("with `change` each time that a hypervisor stops answering, and by what was damaged as if all had been well")
    func others() throws {
        var decision = MailDecision()
        var entry = try Self.entry("tank/a", isProblem: true)
        entry.ending = .unanswered
        entry.hypervisor = "vc1"
        #expect(decision.take(entry, .change) && decision.take(entry, .change))
        #expect(decision.troubled.isEmpty)
        try withScratchFolder { scratch in
            try scratch.write("outbox/last", "{\"troubled\": 3")
            #expect(MailDecision(in: Outbox(StateDirectory(scratch.path))) == MailDecision())
        }
    }
}
