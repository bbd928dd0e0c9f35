internal import Configuration
internal import Curl
internal import Glibc
internal import Hypervisor
internal import Support

/// A report as a mail, by SMTP or by sendmail(8).
struct MailDelivery: Delivery {
    let settings: NotificationSettings
    /// PATH, for sendmail.
    let environment: [String: String]

    let name = "mail"
    private var server: ServerAddress? { settings.smtpURL.flatMap { ServerAddress($0, schemes: ["smtp", "smtps"]) } }
    private var recipients: String { settings.recipients.joined(separator: ", ") }
    var title: String { "mail to \(recipients) by \(server?.authority ?? "sendmail")" }

    func deliver(_ report: RunReport, within limit: Duration) async throws(DeliveryError) {
        let sender = settings.mailFrom ?? (settings.smtpURL == nil ? "root" : "root@\(hostPart(report.host))")
        let message = MailMessage(report, sender: sender, recipients: settings.recipients)
        if let server {
            try await send(message, to: server, within: limit)
        } else {
            try await handToSendmail(message, within: limit)
        }
    }

    // MARK: SMTP

    private func send(_ message: MailMessage, to server: ServerAddress, within limit: Duration)
        async throws(DeliveryError)
    {
        let result: Result<Void, DeliveryError>
        do {
            result = try await blocking("a mail to \(server.authority)", within: limit + .seconds(2)) {
                Result { () throws(DeliveryError) in try transfer(message, to: server, within: limit) }
            }
        } catch {
            throw DeliveryError(description: "no answer from \(server.authority) within \((limit + .seconds(2)).text)")
        }
        try result.get()
    }

    private func transfer(
        _ message: MailMessage, to server: ServerAddress, within limit: Duration
    ) throws(DeliveryError) {
        var account: (name: String, password: String)?
        if let name = settings.smtpUsername, let path = settings.smtpPasswordFile {
            do throws(SecretFile.Refusal) {
                account = (name, try SecretFile(path).read().reveal())
            } catch {
                throw DeliveryError(description: "\(error)")
            }
        }
        // What is said to this host itself nobody else hears, and its mail server's certificate is rarely for `localhost`.
        let transfer = MailTransfer(
            server: "\(server.scheme)://\(server.authority)",
            needsTLS: server.scheme == "smtps" || !server.isLoopback || settings.smtpCAFile != nil,
            check: try CertificateCheck.of(settings.smtpCAFile, key: "smtp_ca_file"), account: account,
            client: message.host, sender: message.sender, recipients: message.recipients)
        let start = ContinuousClock.now
        do throws(CurlError) {
            try CurlHandle().send(message.bytes, by: transfer, limits: CurlLimits(whole: limit, bytes: 1 << 20))
        } catch {
            throw DeliveryError(error, at: server.authority, since: start, authorities: "smtp_ca_file")
        }
    }

    // MARK: sendmail

    /// What it delivers in the background lives on when it has ended.
    private func handToSendmail(_ message: MailMessage, within limit: Duration) async throws(DeliveryError) {
        guard let program = programPath("sendmail", environment: environment, others: ["/usr/sbin", "/usr/lib"]) else {
            throw DeliveryError(
                description: "there is no sendmail: install a mail server (exim4, postfix, msmtp-mta), or set smtp_url")
        }
        let outcome: ChildProcess.Outcome
        do {
            try TrustedPath.requireFile(program)
            outcome = try await ChildProcess.run(
                program, ["-t", "-i"], environment: ProgramDelivery.environment, input: Array(message.text.utf8),
                within: limit, outputLimit: 1 << 20)
        } catch {
            throw DeliveryError(description: "\(program): \(ProgramDelivery.explained(error, limit))")
        }
        do {
            try ProgramDelivery.requireSuccess(outcome)
        } catch {
            throw DeliveryError(description: "\(program): \(error)", isRefusal: true)
        }
    }
}
