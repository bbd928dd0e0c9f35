/// Who is told of a run, and how.
package struct NotificationSettings: Sendable, Equatable {
    /// Which runs a mail is sent of.
    package enum MailOn: String, Sendable, CaseIterable {
        /// A VM did not get what its first strategy is for, something failed or is still held.
        case problem
        /// The first such run after one that was well, and the first that is well after it.
        case change
        case always
    }

    /// node_exporter's textfile; nil: none is written.
    package var metricsFile: String?
    /// Nil: no mail is sent.
    package var mailTo: String?
    package var mailOn = MailOn.problem
    /// `smtps://mail.example.com`; nil: sendmail(8).
    package var smtpURL: String?
    /// Gets the run's report as JSON; nil: none does.
    package var webhookURL: String?
    /// A program that gets the same JSON on standard input; nil: none does.
    package var onProblem: String?

    /// Somebody is to be told something.
    package var isWanted: Bool { self != NotificationSettings() }

    mutating func readKeys(_ section: inout SectionReader) {
        let nothing = "none"
        section.key(
            "metrics_file", &metricsFile, .optional(.path), unset: nothing,
            "a file in node_exporter's textfile folder (`….prom`), written anew after each run")
        section.key(
            "mail_to", &mailTo, .optional(.text("mail address; several between commas")), unset: nothing,
            "who gets a mail about a run")
        section.key("mail_on", &mailOn, .choice, "which runs a mail is sent of")
        section.key(
            "smtp_url", &smtpURL, .optional(.text("`smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`")),
            unset: "sendmail(8) of this host", "the server that takes the mail")
        section.key(
            "webhook_url", &webhookURL, .optional(.text("`https://…`")), unset: nothing,
            "gets a report of each run with a problem, as JSON by POST")
        section.key(
            "on_problem", &onProblem, .optional(.path), unset: nothing,
            "a program that gets the same JSON on standard input")
    }
}
