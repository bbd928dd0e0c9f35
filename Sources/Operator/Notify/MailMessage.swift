internal import Glibc
internal import RunState
internal import Support

/// A mail as it is handed over: RFC 5322, with lines that end in a newline.
struct MailMessage: Sendable {
    let sender: String
    let recipients: [String]
    let subject: String
    /// Lines of UTF-8.
    let body: String
    /// In seconds since 1970.
    let date: Int64
    /// The same whenever the same is sent, so that a reader sees that it is.
    let id: String
    let host: String

    init(_ report: RunReport, sender: String, recipients: [String]) {
        self.sender = sender
        self.recipients = recipients
        subject = report.subject
        body = report.text
        date = report.ended
        id = report.id
        host = hostPart(report.host)
    }

    var text: String {
        let headers = [
            "From: Stillpoint <\(sender)>", "To: \(recipients.joined(separator: ",\n "))",
            "Subject: \(HeaderText.encoded(subject))", "Date: \(Self.date(date))", "Message-ID: <\(id)@\(host)>",
            "Auto-Submitted: auto-generated", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
        ]
        return headers.map { $0 + "\n" }.joined() + "\n" + Self.quotedPrintable(body)
    }

    /// As SMTP has it.
    var bytes: [UInt8] { text.utf8.flatMap { $0 == 10 ? [13, 10] : [$0] } }

    /// `Sat, 21 Nov 2026 11:00:00 +0000`
    static func date(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return "\(days[Int(parts.tm_wday)]), \(parts.tm_mday) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) +0000"
    }

    /// Lines of 76 characters at most, ASCII alone (RFC 2045, 6.7).
    static func quotedPrintable(_ text: String) -> String {
        var result = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var count = 0
            let bytes = Array(line.utf8)
            for (place, byte) in bytes.enumerated() {
                let isLast = place == bytes.count - 1
                let isPlain = byte > 32 && byte < 127 && byte != UInt8(ascii: "=") || byte == 32 && !isLast
                // Some servers end a message at a line with a dot alone, and mark lines that begin with `From `.
                let isShown = isPlain && !(count == 0 && (byte == UInt8(ascii: ".") || byte == UInt8(ascii: "F")))
                let piece = isShown ? String(UnicodeScalar(byte)) : HeaderText.escaped(byte)
                if count + piece.utf8.count > 75 {
                    result += "=\n"
                    count = 0
                }
                result += piece
                count += piece.utf8.count
            }
            result += "\n"
        }
        result.removeLast()
        return result
    }
}

/// A host's name where an address or an id needs one: what other characters it may have is left out.
func hostPart(_ host: String) -> String {
    let name = host.utf8.filter { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    return name.isEmpty ? "localhost" : String(decoding: name.prefix(200), as: UTF8.self)
}
