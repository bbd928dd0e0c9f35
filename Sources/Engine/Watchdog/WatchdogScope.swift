internal import Glibc
internal import Hypervisor
internal import RunState
internal import Support

/// A watchdog's own systemd scope.
///
/// systemd ends what a service leaves behind together with the service (`KillMode=control-group`), 90 seconds after it has
/// asked, and sanoid.service ends when sanoid does: a large overlay takes longer to commit. The watchdog asks for the
/// unit when it runs already, so that no hook waits for it, and only when there is something to wait for. Where nobody
/// answers, it stays where it is, and releases its VMs when systemd asks it to end.
struct WatchdogScope: Sendable {
    let run: RunID
    let environment: [String: String]
    let proc: String

    /// To move a process takes milliseconds.
    private static let limit = Duration.seconds(10)

    /// Whether systemd is the init of this process's own namespace: it would take the number of a container's process for
    /// that of another.
    var isUnderSystemd: Bool {
        (try? smallText(at: "\(proc)/1/comm"))?.split(separator: "\n").first == "systemd"
    }

    /// What busctl(1) says to systemd: `StartTransientUnit`, of org.freedesktop.systemd1(5).
    ///
    /// A host that shuts down stops what is ordered after libvirtd and libvirt-guests before those: the watchdog gets
    /// its time while the VMs run still.
    func arguments(process: pid_t) -> [String] {
        let manager = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"]
        let properties = [
            ["Description", "s", "Stillpoint: watchdog of the run \(run)"],
            ["PIDs", "au", "1", "\(process)"],
            ["After", "as", "3", "libvirtd.service", "virtqemud.service", "libvirt-guests.service"],
            ["CollectMode", "s", "inactive-or-failed"],
        ]
        return ["--system", "--quiet", "--timeout=5", "call"] + manager + ["StartTransientUnit", "ssa(sv)a(sa(sv))"]
            + ["stillpoint-watchdog-\(run).scope", "fail", "\(properties.count)"] + properties.flatMap(\.self) + ["0"]
    }

    /// Asks for it, and moves this process there.
    func ask() async {
        guard isUnderSystemd, let program = programPath("busctl", environment: environment) else { return }
        _ = try? await ChildProcess.run(
            program, arguments(process: getpid()), environment: environment, within: Self.limit)
    }
}
