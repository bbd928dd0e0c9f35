import Testing

extension RealParts {
    /// With a mail server of Debian's and HTTPS servers: `Tests/Lab/receivers`.
    @Suite("Who is told of a run")
    struct NotificationTests {
        private static let top = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

        /// The servers' folder and ports, as bash sets them: `$R`, `$SMTP`.
        private struct Receivers {
            let folder: String
            let variables: String

            func value(_ name: String) throws -> String {
                let line = try #require(variables.split(separator: "\n").first { $0.hasPrefix("\(name)=") })
                return String(line.dropFirst(name.count + 1))
            }
        }

        private func withReceivers(_ lab: Lab, _ body: (Receivers) async throws -> Void) async throws {
            let number = Int.random(in: 1000...9999)
            let folder = "\(lab.folder)/receivers\(number)"
            // It ends by itself, too.
            try await need("setsid '\(Self.top)/Tests/Lab/receivers' \(folder) 120 >/dev/null 2>&1 </dev/null &")
            let variables = try await need(
                "for i in $(seq 200); do [ -e \(folder)/env ] && exec cat \(folder)/env; sleep 0.1; done; exit 1")
            do {
                try await body(Receivers(folder: folder, variables: variables))
            } catch {
                await end(number)
                throw error
            }
            await end(number)
        }

        private func end(_ number: Int) async {
            _ = try? await shell(
                "pkill -f '[r]eceivers\(number)'; pkill -f 'stillpoint [n]otify'; rm -rf /var/lib/stillpoint/outbox")
        }

        /// What is there within ten seconds.
        private func wait(for file: String, _ text: String = "") async throws -> String {
            try await need(
                "for i in $(seq 100); do grep -qs -- \(quoted(text)) \(file) && exec cat \(file); sleep 0.1; done; exit 1"
            )
        }

        @Test("gets a report of a guest that fell back, by each way, when all its run's guests are released")
        func fallback() async throws {
            let guests = [Stage.Guest(name: "good"), Stage.Guest(name: "mute", options: "--no-agent")]
            let lab = try #require(Lab.here)
            try await withReceivers(lab) { receivers async throws in
                try await Stage.with("told", guests) { stage async throws in
                    let page = "\(receivers.folder)/page"
                    try await need(
                        """
                        printf '%s\\n' '#!/bin/sh' 'virsh domblklist good >\(receivers.folder)/disks' \
                            'exec cat >\(receivers.folder)/page.json' >\(page); chmod 755 \(page)
                        """)
                    try await stage.set(
                        """
                        mail_to = ops@example.com, night@example.com
                        smtp_url = smtp://localhost:\(receivers.value("SMTP"))
                        smtp_ca_file = \(receivers.folder)/ca.pem
                        webhook_url = https://localhost:\(receivers.value("HTTPS"))/late/hook
                        webhook_ca_file = \(receivers.folder)/ca.pem
                        on_problem = \(page)
                        """)
                    let s = "\(stage.dataset)@a"
                    try await need("\(lab.preSnapshot) \(s) && zfs snapshot \(s) && \(lab.postSnapshot) \(s)")
                    let mail = try await wait(for: "\(receivers.folder)/mail/box", "stillpoint explain mute")
                    #expect(mail.contains(": \(stage.dataset): mute: crash-consistent ("), "\(mail)")
                    #expect(
                        mail.contains("\nAuto-Submitted: auto-generated\n") && mail.contains("with esmtps"), "\(mail)")
                    // It said 500 at first.
                    let hook = try await wait(for: "\(receivers.folder)/hook.json", "}")
                    let paged = try await wait(for: "\(receivers.folder)/page.json", "}")
                    #expect(hook == paged && hook.contains("\"outcome\": \"fallback\""), "\(hook)")
                    // The overlays are gone by then.
                    let disks = try await need("cat \(receivers.folder)/disks")
                    #expect(disks.contains(stage.image(guests[0], "vda")) && !disks.contains(lab.overlays), "\(disks)")
                    try await need(
                        """
                        for i in $(seq 100); do
                            [ -z "$(find /var/lib/stillpoint/outbox -name '*.json')" ] && exit; sleep 0.1
                        done; exit 1
                        """)
                    // The server has made one for each address.
                    #expect(try await need("grep -c ^Subject: \(receivers.folder)/mail/box") == "2")
                }
            }
        }

        @Test("keeps no hook waiting where the receivers say nothing, and gets it when they do")
        func hanging() async throws {
            let lab = try #require(Lab.here)
            try await withReceivers(lab) { receivers async throws in
                try await Stage.with("silent", [Stage.Guest(name: "mute", options: "--no-agent")]) {
                    stage async throws in
                    func cycle(_ name: String) async throws -> Duration {
                        let s = "\(stage.dataset)@\(name)"
                        let start = ContinuousClock.now
                        try await need("\(lab.preSnapshot) \(s) && zfs snapshot \(s) && \(lab.postSnapshot) \(s)")
                        return ContinuousClock.now - start
                    }
                    let usual = try await cycle("a")
                    let page = "\(receivers.folder)/page"
                    try await need("printf '#!/bin/sh\\nsleep 100\\n' >\(page); chmod 755 \(page)")
                    try await stage.set(
                        """
                        mail_to = ops@example.com
                        smtp_url = smtp://127.0.0.1:\(receivers.value("SILENT"))
                        webhook_url = https://localhost:\(receivers.value("HTTPS"))/hang
                        webhook_ca_file = \(receivers.folder)/ca.pem
                        on_problem = \(page)
                        """)
                    let told = try await cycle("b")
                    #expect(told < usual + .seconds(1), "\(told) \(usual)")
                    #expect(try await need("pgrep -fc 'stillpoint [n]otify'") == "1")
                    // Another run while that is being sent starts no other.
                    _ = try await cycle("c")
                    #expect(try await need("pgrep -fc 'stillpoint [n]otify'") == "1")
                    try await need("pkill -f 'stillpoint [n]otify'")
                    try await stage.set(
                        "mail_to = ops@example.com\nsmtp_url = smtp://127.0.0.1:\(receivers.value("SMTP"))")
                    // It starts the sender where something is left.
                    try await need("\(lab.binaries)/stillpoint recover")
                    _ = try await wait(for: "\(receivers.folder)/mail/box", "\(stage.dataset)@b")
                    _ = try await wait(for: "\(receivers.folder)/mail/box", "\(stage.dataset)@c")
                }
            }
        }

        @Test("gets one mail of a configuration that no run can be made by")
        func misconfigured() async throws {
            let lab = try #require(Lab.here)
            try await withReceivers(lab) { receivers async throws in
                try await Stage.with("typo", []) { stage async throws in
                    let port = try receivers.value("SMTP")
                    try await stage.set(
                        "mail_to = ops@example.com\nsmtp_url = smtp://127.0.0.1:\(port)\nstratgey = memory")
                    let refused = try await shell("\(lab.preSnapshot) \(stage.dataset)@a")
                    #expect(refused.status == 2 && refused.errors.contains("stratgey"), "\(refused.errors)")
                    let mail = try await wait(for: "\(receivers.folder)/mail/box", "did you mean")
                    #expect(mail.contains("stillpoint.conf:5: "), "\(mail)")
                    #expect(try await shell("\(lab.preSnapshot) \(stage.dataset)@b").status == 2)
                    #expect(try await shell("\(lab.binaries)/stillpoint notify").status == 0)
                    #expect(try await need("grep -c ^Subject: \(receivers.folder)/mail/box") == "1")
                }
            }
        }

        @Test("is told nothing where its certificate is not valid, for another name or of an unknown issuer")
        func certificates() async throws {
            let lab = try #require(Lab.here)
            try await withReceivers(lab) { receivers async throws in
                let (smtp, https) = (try receivers.value("SMTPS"), try receivers.value("HTTPS"))
                let (old, expired) = (try receivers.value("SMTPS_EXPIRED"), try receivers.value("EXPIRED"))
                let other = try receivers.value("OTHER")
                let cases = [
                    ("localhost:\(smtp)", "localhost:\(https)", "ca", 2),
                    ("localhost:\(smtp)", "localhost:\(https)", "wrong", 0),
                    ("localhost:\(old)", "localhost:\(expired)", "ca", 0),
                    ("127.0.0.1:\(smtp)", "localhost:\(other)", "ca", 1),
                ]
                for (index, (mail, hook, authority, taken)) in cases.enumerated() {
                    let file = "\(receivers.folder)/\(index).conf"
                    try await need(
                        """
                        printf '%s\\n' '[stillpoint]' 'mail_to = ops@example.com' 'smtp_url = smtps://\(mail)' \
                            'smtp_ca_file = \(receivers.folder)/\(authority).pem' 'webhook_url = https://\(hook)/n\(index)' \
                            'webhook_ca_file = \(receivers.folder)/\(authority).pem' >\(file)
                        """)
                    let said = try await shell("\(lab.binaries)/stillpoint notify --test --config \(file)")
                    let lines = said.lines
                    #expect(lines.count == 2 && lines.count { $0.hasSuffix(": sent") } == taken, "\(said)")
                    #expect(lines.count { $0.contains("is not trusted") } == 2 - taken, "\(said)")
                    #expect(said.status == (taken == 2 ? 0 : 1))
                    let isThere = try await shell("test -e \(receivers.folder)/n\(index).json").status == 0
                    #expect(isThere == (taken == 2))
                }
            }
        }
    }
}
