internal import Configuration
internal import Engine
internal import Hypervisor
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// Sections that never count, though nothing is wrong with them.
struct RuleCheck: CheckTheme {
    let site: CheckedSite
    var subject: String { "the configuration's sections" }
    private var configuration: Configuration { site.configuration }

    func findings() async throws -> [Finding] {
        let types = try await blocking("reading the catalogue", within: .seconds(60)) { self.types() }
        return (site.allMachines.map(patterns) ?? []) + types + disabled()
    }

    /// `[vm …]` that match no VM, or only such as an earlier one matches.
    private func patterns(_ machines: [VirtualMachine]) -> [Finding] {
        let names = machines.flatMap { [$0.name] + [$0.title].compactMap { $0 } }
        return configuration.machines.compactMap { section in
            let meant = machines.filter { section.pattern.includes($0) }
            let header = "[vm \(printable("\(section.pattern)"))]"
            guard let first = meant.first else {
                let near = section.pattern.nearestName(among: names).map { "did you mean '\(printable($0))'?" }
                if section.pattern.hasWildcard {
                    return Finding(.wildcardUnmatched, "\(header) matches no VM now" + (near.map { "; \($0)" } ?? ""))
                }
                return Finding(
                    .patternUnmatched, "\(header) matches no VM", fix: near ?? "correct or remove the section")
            }
            guard !meant.contains(where: { configuration.section(of: $0)?.pattern == section.pattern }),
                let earlier = configuration.section(of: first)
            else { return nil }
            return Finding(
                .patternShadowed,
                "\(header) never counts, since [vm \(printable("\(earlier.pattern)"))] above it matches the same VMs",
                fix: "move it up")
        }
    }

    /// A type of one's own is told by a snapshot that was taken, or by nothing.
    private func types() -> [Finding] {
        let unknown = configuration.types.map(\.name).filter { !SnapshotType.known.contains($0) }
        guard !unknown.isEmpty else { return [] }
        let catalogue = Catalogue(StateDirectory(configuration.stateDirectory))
        let taken = Set(
            catalogue.all().points.flatMap(\.snapshots).compactMap {
                SnapshotType.told(by: $0.name.name, isOfAutoSnapshot: true)
            })
        return unknown.filter { !taken.contains($0) }.map { type in
            let header = "[type \(printable(type))]"
            if let near = nearest(to: type, among: SnapshotType.known) {
                return Finding(
                    .typeMistyped, "\(header) is of no snapshot's type", fix: "did you mean [type \(near)]?")
            }
            return Finding(
                .typeUnusual,
                "\(header) is neither a type of sanoid nor a usual label of zfs-auto-snapshot; it counts only where a hook is "
                    + "called with --type \(shellQuoted(type)), or for a label of that name")
        }
    }

    private func disabled() -> [Finding] {
        let names = configuration.hypervisors.filter { !$0.isEnabled }.map { "[hypervisor \(printable($0.name))]" }
        guard names.count < configuration.hypervisors.count else {
            return [
                Finding(
                    .noHypervisorEnabled, "no hypervisor is enabled, so no VM is touched",
                    fix: "enabled = yes in \(names.joined(separator: " or "))")
            ]
        }
        return names.map { Finding(.hypervisorDisabled, "\($0) is not enabled: its VMs are not touched") }
    }
}
