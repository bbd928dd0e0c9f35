internal import Hypervisor

extension FindingGuide {
    static let ofMonitoring: [FindingCode: FindingGuide] = [
        .metricsFileUnusable: FindingGuide(
            meaning: """
                `metrics_file` cannot be written: its folder is not there, is behind a symbolic link that another user can \
                change, or it is a folder itself.
                """,
            detection: "The folder and the rights of who asks are read.",
            remedy: """
                Name a file in the folder that node_exporter reads (`--collector.textfile.directory`); on Debian it is \
                `/var/lib/prometheus/node-exporter`. Make it, where it is missing: `install -d DIR`.
                """),
        .metricsFileUnread: FindingGuide(
            meaning: "The name does not end in `.prom`, and node_exporter reads no other files.",
            detection: "The name is read.",
            remedy:
                "`metrics_file = /var/lib/prometheus/node-exporter/stillpoint.prom`, or another name with that ending."),
        .mailUnsendable: FindingGuide(
            meaning: """
                `mail_to` is set, and nothing takes a mail: no sendmail is installed, and `smtp_url` is not set; or the file of \
                `smtp_password_file` or `smtp_ca_file` is not there, or can be read or changed by others.
                """,
            detection: "sendmail is searched for where it usually is, and those files are read as for a mail.",
            remedy: """
                Set `smtp_url = smtps://mail.example.com`, or install a mail server: `apt install msmtp-mta`. `chmod 600 FILE` keeps a \
                password to root. `stillpoint notify --test` sends a mail to try.
                """),
        .nobodyTold: FindingGuide(
            meaning: "None of `mail_to`, `webhook_url`, `on_problem` and `metrics_file` is set.",
            detection: "The keys of `[stillpoint]` are read.",
            remedy: """
                `mail_to = root` in `[stillpoint]` sends a mail when a VM did not get what it was to get. docs/monitoring.md has \
                the other ways. Nothing, where something else watches `stillpoint status`.
                """),
        .reportsWaiting: FindingGuide(
            meaning: "Reports lie in `state_dir/outbox` for more than an hour, or more than ten of them.",
            detection: "The files there are counted, and the time of the oldest is read.",
            remedy: """
                `stillpoint notify` sends them, and says why one cannot be sent: a mail server or a webhook that does not answer, or \
                a wrong certificate or password.
                """),
        .problemProgramUnusable: FindingGuide(
            meaning:
                "The program of `on_problem` is not there, cannot be executed, or could be changed by others than root.",
            detection: "The file and every folder above it are checked, as before it is run.",
            remedy: "`install -o root -g root -m 0755 PROGRAM PATH` puts it where it may be run."),
    ]
}
