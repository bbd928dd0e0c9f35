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
    /// Addresses between commas; nil: no mail is sent.
    package var mailTo: String?
    package var mailOn = MailOn.problem
    /// Nil: root of this host.
    package var mailFrom: String?
    /// `smtps://mail.example.com`; nil: sendmail(8).
    package var smtpURL: String?
    package var smtpUsername: String?
    package var smtpPasswordFile: String?
    package var smtpCAFile: String?
    /// Gets the run's report as JSON; nil: none does. Its path may be a secret.
    package var webhookURL: String?
    package var webhookCAFile: String?
    /// A file with a header line for the webhook, such as `Authorization: Bearer …`.
    package var webhookHeaderFile: String?
    /// A program that gets the same JSON on standard input; nil: none does.
    package var onProblem: String?

    package init() {}

    /// Somebody is to be told something.
    package var isWanted: Bool { metricsFile != nil || mailTo != nil || webhookURL != nil || onProblem != nil }

    /// Whether anybody is to be told of a run with or without a problem.
    package func isWanted(ofProblem isProblem: Bool) -> Bool {
        isProblem ? isWanted : metricsFile != nil || mailTo != nil && mailOn != .problem
    }

    /// The addresses of `mailTo`.
    package var recipients: [String] { MailAddress.list(mailTo ?? "") }

    mutating func readKeys(_ section: inout SectionReader) {
        let (nothing, system) = ("none", "this host's CA certificates")
        section.key(
            "metrics_file", &metricsFile, .optional(.path), unset: nothing,
            "a file in node_exporter's textfile folder (`….prom`), written anew after each run")
        section.key(
            "mail_to", &mailTo, .optional(.mailAddresses), unset: nothing, "who gets a mail about a run")
        section.key("mail_on", &mailOn, .choice, "which runs a mail is sent of")
        section.key(
            "mail_from", &mailFrom, .optional(.mailAddress),
            unset: "`root`, with this host's name where `smtp_url` is set",
            "whom the mail is from")
        section.key(
            "smtp_url", &smtpURL, .optional(.smtpURL), unset: "sendmail(8) of this host",
            "the server that takes the mail; `smtp://` needs STARTTLS, but on this host itself")
        section.key("smtp_username", &smtpUsername, .optional(.account), unset: nothing, "the account at that server")
        section.key(
            "smtp_password_file", &smtpPasswordFile, .optional(.path), unset: nothing,
            "a file with its password, readable by its owner alone")
        section.key(
            "smtp_ca_file", &smtpCAFile, .optional(.path), unset: system,
            "the certificates that the server's is judged by")
        section.key(
            "webhook_url", &webhookURL, .optional(.webhookURL), unset: nothing,
            "gets a report of each run with a problem, as JSON by POST")
        section.key(
            "webhook_ca_file", &webhookCAFile, .optional(.path), unset: system,
            "the certificates that the server's is judged by")
        section.key(
            "webhook_header_file", &webhookHeaderFile, .optional(.path), unset: nothing,
            "a file with a header line for it (`Authorization: Bearer …`), readable by its owner alone")
        section.key(
            "on_problem", &onProblem, .optional(.path), unset: nothing,
            "a program that gets the same JSON on standard input")
        // A mail server knows of no local users, and refuses them; sendmail does.
        for (key, text) in [("mail_to", mailTo), ("mail_from", mailFrom)] where smtpURL != nil {
            guard let text, !MailAddress.list(text).allSatisfy({ $0.contains("@") }) else { continue }
            section.refuse(key, "with smtp_url each address needs its domain: root@example.com")
        }
        if smtpUsername != nil, smtpURL == nil || smtpPasswordFile == nil {
            section.refuse("smtp_username", "smtp_url and smtp_password_file are needed with it")
        }
        if smtpPasswordFile != nil, smtpUsername == nil {
            section.refuse("smtp_password_file", "smtp_username is needed with it")
        }
    }
}
