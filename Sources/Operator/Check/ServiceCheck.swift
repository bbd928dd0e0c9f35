internal import Configuration
internal import Engine
internal import Hypervisor
internal import SnapshotManagers
internal import Support

/// systemd's units: ours where they matter, and sanoid's as far as it may keep our hooks from their work.
struct ServiceCheck: CheckTheme {
    /// All that are asked about.
    static let units = [
        recoveryService, recoveryTimer, holdService, pruneTimer, archiveTimer, sanoid,
    ]
    private static let recoveryService = "stillpoint-recover.service"
    private static let recoveryTimer = "stillpoint-recover.timer"
    private static let holdService = "stillpoint-hold-autostart.service"
    private static let pruneTimer = "stillpoint-prune.timer"
    private static let archiveTimer = "stillpoint-archive.timer"
    private static let sanoid = "sanoid.service"

    let site: CheckedSite
    var subject: String { "systemd's units" }

    func findings() async throws -> [Finding] {
        guard let units = site.units, !site.plans.isEmpty else { return [] }
        return enabled(units) + manager(units)
    }

    private func enabled(_ units: SystemdUnits) -> [Finding] {
        var needed: [String] = []
        if site.plans.contains(where: \.isTouched) { needed += [Self.recoveryService, Self.recoveryTimer] }
        if site.plans.contains(where: { $0.hasLocalOverlays && $0.mayMoveDisks }) {
            needed.append(Self.holdService)
        }
        if site.plans.contains(where: { $0.strategies.contains(.memory) }) {
            needed.append(Self.pruneTimer)
            if site.configuration.coldStorage != nil { needed.append(Self.archiveTimer) }
        }
        let absent = needed.filter { !units.isInstalled($0) }
        let disabled = needed.filter { units.isInstalled($0) && !units.isEnabled($0) }
        var findings: [Finding] = []
        if !disabled.isEmpty {
            let services = disabled.filter { $0.hasSuffix(".service") }
            let timers = disabled.filter { $0.hasSuffix(".timer") }
            let commands = [
                services.isEmpty ? nil : "systemctl enable \(services.joined(separator: " "))",
                timers.isEmpty ? nil : "systemctl enable --now \(timers.joined(separator: " "))",
            ]
            findings.append(
                Finding(
                    .unitDisabled, "not enabled: \(disabled.joined(separator: ", "))",
                    fix: commands.compactMap { $0 }.joined(separator: " && ")))
        }
        if !absent.isEmpty {
            findings.append(
                Finding(
                    .unitDisabled, "not installed: \(absent.joined(separator: ", "))",
                    fix: "install them as hooks/systemd/README.md says"))
        }
        return findings
    }

    private func manager(_ units: SystemdUnits) -> [Finding] {
        let calls = site.machines.flatMap(\.datasets).flatMap { site.sanoid?.calls(for: $0) ?? [] }
        guard units.isInstalled(Self.sanoid), calls.contains(where: { $0.preSnapshotScript != nil }) else { return [] }
        func value(_ name: String) -> String { units[Self.sanoid, name] }
        var faults: [(what: String, lines: String)] = []
        if value("DynamicUser") == "yes" || !["", "root", "0"].contains(value("User")) {
            faults.append(("does not run as root (User=\(printable(value("User"))))", "User=root, DynamicUser=no"))
        }
        if value("PrivateDevices") == "yes" {
            faults.append(("sees no devices (PrivateDevices=yes)", "PrivateDevices=no"))
        }
        if value("ProtectSystem") == "strict" {
            let writable = value("ReadWritePaths").split(separator: " ").map { String($0.drop { "-+".contains($0) }) }
            let needed = [site.configuration.stateDirectory, site.configuration.overlayDirectory]
                .filter { path in !writable.contains { FileAccess.isPath(path, within: $0) } }.joined(separator: " ")
            if !needed.isEmpty {
                faults.append(
                    (
                        "may not write to \(needed) (ProtectSystem=strict)",
                        "ReadWritePaths=\(needed)"
                    ))
            }
        }
        // Without a limit of its own a hook has no longest time; a minute is the least that most take.
        let limits = calls.map(\.scriptTimeout)
        let longest = max(limits.compactMap { $0 }.max() ?? .zero, limits.contains(nil) ? .seconds(60) : .zero)
        if let limit = SystemdUnits.seconds(value("TimeoutStartUSec")), limit > 0,
            limit < Double(longest.components.seconds)
        {
            faults.append(
                (
                    "is ended after \(printable(value("TimeoutStartUSec"))), and one hook may take \(longest.text)",
                    "TimeoutStartSec=infinity"
                ))
        }
        return faults.map { fault in
            Finding(
                .managerServiceUnfit, "sanoid.service \(fault.what)",
                fix: "systemctl edit sanoid.service, and write below [Service]: \(fault.lines)")
        }
    }
}
