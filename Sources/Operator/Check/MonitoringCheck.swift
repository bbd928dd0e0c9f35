internal import Configuration
internal import Curl
internal import Engine
internal import Glibc
internal import Hypervisor
internal import RunState
internal import Support

/// Whether those can be told of a run who are to be.
struct MonitoringCheck: CheckTheme {
    let site: CheckedSite
    var subject: String { "who is told" }
    private var settings: NotificationSettings { site.configuration.notifications }

    func findings() async throws -> [Finding] {
        guard settings.isWanted else {
            guard site.plans.contains(where: \.isTouched) else { return [] }
            return [
                Finding(
                    .nobodyTold,
                    "nobody is told when a run fails: mail_to, webhook_url, on_problem, metrics_file are not set",
                    fix: "mail_to = root in [stillpoint]")
            ]
        }
        return try await blocking("checking who is told", within: .seconds(30)) {
            metrics() + mail() + [program(), waiting()].compactMap { $0 }
        }
    }

    private func metrics() -> [Finding] {
        guard let path = settings.metricsFile, !site.isHidden(path) else { return [] }
        var findings: [Finding] = []
        let folder = FileAccess.parent(path)
        if !FileAccess.isFolder(folder) {
            findings.append(
                Finding(
                    .metricsFileUnusable, "the folder of metrics_file \(printable(path, limit: 300)) is not there",
                    fix: "install -d \(shellQuoted(folder))"))
        } else if FileAccess.isFolder(path) {
            findings.append(
                Finding(
                    .metricsFileUnusable, "metrics_file \(printable(path, limit: 300)) is a folder",
                    fix: "metrics_file = \(path)/stillpoint.prom"))
        } else if !site.context.user.may(W_OK | X_OK, folder) {
            findings.append(
                Finding(
                    .metricsFileUnusable,
                    "the folder of metrics_file \(printable(path, limit: 300)) cannot be written to",
                    fix: "set metrics_file to a folder that can"))
        } else if (try? Folder(reaching: folder)) == nil {
            findings.append(
                Finding(
                    .metricsFileUnusable,
                    "on the way to metrics_file \(printable(path, limit: 300)) is a symbolic link that another user can change",
                    fix: "name the folder itself: metrics_file = "
                        + "\((try? FileAccess.realPath(folder)) ?? folder)/\(FileAccess.lastComponent(path))"))
        }
        if !path.hasSuffix(".prom") {
            findings.append(
                Finding(
                    .metricsFileUnread,
                    "metrics_file \(printable(path, limit: 300)) does not end in .prom, and node_exporter reads no other",
                    fix: "metrics_file = \(path).prom"))
        }
        return findings
    }

    private func mail() -> [Finding] {
        guard settings.mailTo != nil else { return [] }
        guard settings.smtpURL == nil else {
            return [
                unusable(settings.smtpPasswordFile) { _ = try SecretFile($0).read() },
                unusable(settings.smtpCAFile) { _ = try CertificateCheck.of($0, key: "smtp_ca_file") },
            ].compactMap { $0 }
        }
        guard site.host.program("sendmail") == nil else { return [] }
        return [
            Finding(
                .mailUnsendable, "mail_to is set, and this host has no sendmail, nor is smtp_url set",
                fix: "smtp_url = smtps://mail.example.com in [stillpoint], or install a mail server")
        ]
    }

    /// Reports that `stillpoint notify` has not got rid of.
    private func waiting() -> Finding? {
        let outbox = Outbox(StateDirectory(site.configuration.stateDirectory))
        // What lasts stays when it has been told, so that it is told once.
        let waiting = outbox.names.filter { name in (try? outbox.read(name))?.pending != [] }
        guard let oldest = waiting.compactMap({ Outbox.run(in: $0)?.time }).min() else { return nil }
        let age = max(0, Int64(time(nil)) - oldest)
        guard age > 3600 || waiting.count > 10 else { return nil }
        let reports = waiting.count == 1 ? "1 report is" : "\(waiting.count) reports are"
        return Finding(
            .reportsWaiting,
            "\(reports) in \(printable(outbox.folder, limit: 300)) and not sent, the oldest for \(age / 3600) h "
                + "\(age / 60 % 60) min", fix: "stillpoint notify, which says why")
    }

    /// Of a file that is read for each mail.
    private func unusable(_ path: String?, _ use: (String) throws -> Void) -> Finding? {
        guard let path, !site.isHidden(path) else { return nil }
        do {
            try use(path)
            return nil
        } catch {
            return site.isRoot ? Finding(.mailUnsendable, "no mail is sent: \(error)") : nil
        }
    }

    private func program() -> Finding? {
        guard let path = settings.onProblem, !site.isHidden(path) else { return nil }
        let name = "on_problem \(printable(path, limit: 300))"
        do {
            try TrustedPath.requireFile(path)
        } catch let problem as UntrustedPathError {
            return Finding(
                .problemProgramUnusable, "\(name) is not run: \(problem.problem)", fix: problem.command)
        } catch {
            return Finding(
                .problemProgramUnusable, "\(name) cannot be run (\(error))", fix: "name a program that is there")
        }
        guard access(path, X_OK) != 0 else { return nil }
        return Finding(
            .problemProgramUnusable, "\(name) is not executable", fix: "chmod u+x \(shellQuoted(path))")
    }
}
