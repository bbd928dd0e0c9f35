internal import CCurl
internal import Glibc

/// Where and how a mail is handed over by SMTP.
package struct MailTransfer: Sendable {
    /// `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`.
    package var server: String
    /// Whether nothing is said over a connection without TLS: `STARTTLS` must work with `smtp://`.
    package var needsTLS: Bool
    package var check: CertificateCheck
    /// Both, or none.
    package var account: (name: String, password: String)?
    /// This host's name for itself.
    package var client: String
    package var sender: String
    package var recipients: [String]

    package init(
        server: String, needsTLS: Bool, check: CertificateCheck, account: (name: String, password: String)?,
        client: String, sender: String, recipients: [String]
    ) {
        self.server = server
        self.needsTLS = needsTLS
        self.check = check
        self.account = account
        self.client = client
        self.sender = sender
        self.recipients = recipients
    }
}

extension CurlHandle {
    /// Hands a message to a mail server; blocks. The mail is taken for all recipients or for none.
    /// - Parameter message: with CRLF at the ends of its lines; libcurl doubles dots at their beginnings.
    /// - Throws: CurlError `.refused` where the server understood and said no; its number and words are in the text.
    package func send(_ message: [UInt8], by transfer: MailTransfer, limits: CurlLimits) throws(CurlError) {
        try prepare("\(transfer.server)/\(transfer.client)", transfer.check, limits)
        try set(CURLOPT_USE_SSL, Int((transfer.needsTLS ? CURLUSESSL_ALL : CURLUSESSL_NONE).rawValue))
        if let account = transfer.account {
            try set(CURLOPT_USERNAME, text: account.name)
            try set(CURLOPT_PASSWORD, text: account.password)
        }
        try set(CURLOPT_MAIL_FROM, text: "<\(transfer.sender)>")
        let recipients = list(transfer.recipients.map { "<\($0)>" })
        defer { curl.pointee.curl_slist_free_all(recipients) }
        try set(CURLOPT_MAIL_RCPT, list: recipients)
        try set(CURLOPT_UPLOAD, 1)
        defer { hearNoMore() }
        do throws(CurlError) {
            try perform(into: ResponseBuffer(limit: limits.bytes), from: RequestBody(message))
        } catch {
            let reply = ccurl_get_long(curl, handle, CURLINFO_RESPONSE_CODE)
            guard reply >= 400, [.refused, .broken].contains(error.kind) else { throw error }
            throw CurlError(.refused, "\(error.text) (reply \(reply))")
        }
    }

    /// libcurl says QUIT when its handle is freed, and waits for the answer for two minutes whatever the limits are; what became
    /// of the mail is known by then.
    private func hearNoMore() {
        let socket = ccurl_get_socket(curl, handle)
        if socket >= 0 { shutdown(socket, Int32(SHUT_RD)) }
    }
}
