internal import Engine
internal import Hypervisor
internal import SnapshotManagers
internal import Support
internal import ZFS

/// Whether anybody is known to snapshot the datasets with VMs, and whether all disks of a VM in one moment.
struct ManagerCheck: CheckTheme {
    private static let othersFiles = [
        "/etc/zrepl/zrepl.yml", "/etc/zrepl/zrepl.yaml", "/usr/local/etc/zrepl/zrepl.yml", "/etc/default/znapzend",
    ]
    private static let othersPrograms = ["zfs-auto-snapshot", "zfs-autobackup", "znapzend", "zrepl"]

    let site: CheckedSite
    var subject: String { "the snapshot manager" }

    func findings() async throws -> [Finding] {
        guard let sanoid = site.sanoid, !site.plans.isEmpty else { return [] }
        guard sanoid.isThere else {
            guard site.host.program("sanoid") != nil else { return apart(sanoid) }
            return apart(sanoid) + [
                Finding(
                    .managerUnconfigured,
                    "sanoid is installed, and there is no \(site.sanoidFile); where its --configdir is another, set "
                        + "sanoid_dir")
            ]
        }
        return apart(sanoid) + (await unmanaged(sanoid))
    }

    /// Said only where others are snapshotted by sanoid, and nobody else is there who may snapshot these.
    private func unmanaged(_ sanoid: SanoidSchedule) async -> [Finding] {
        let (files, programs) = (Self.othersFiles, Self.othersPrograms)
        guard !files.contains(where: site.host.has), !programs.contains(where: { site.host.program($0) != nil }) else {
            return []
        }
        let touched = site.machines.filter(\.isTouched)
        var missing = Set(touched.flatMap(\.datasets)).filter { sanoid.calls(for: $0).isEmpty }
        for dataset in missing where await isMarked(dataset) { missing.remove(dataset) }
        guard !missing.isEmpty else { return [] }
        let names = touched.filter { !missing.isDisjoint(with: $0.datasets) }.map { printable($0.machine.name) }
        return [
            Finding(
                .datasetUnmanaged,
                "sanoid snapshots none of \(shortList(missing.sorted().map(\.rawValue))), with \(shortList(names.sorted()))"
            )
        ]
    }

    /// For a zfs-auto-snapshot that is elsewhere in the file system.
    private func isMarked(_ dataset: DatasetName) async -> Bool {
        guard let zfs = site.zfs else { return false }
        return (try? await zfs.property("com.sun:auto-snapshot", of: dataset)) == "true"
    }

    private func apart(_ sanoid: SanoidSchedule) -> [Finding] {
        site.machines.compactMap { plan in
            guard plan.datasets.count > 1, plan.isTouched else { return nil }
            let what =
                "the disks of \(printable(plan.machine.name)) are on \(shortList(plan.datasets.map(\.rawValue)))"
            guard Set(plan.datasets.map(\.pool)).count == 1, let root = plan.datasets.commonAncestor else {
                return Finding(
                    .disksApart, "\(what), which are of several pools: no snapshot holds them of one moment",
                    fix: "move its disks to one pool")
            }
            let lacking = plan.datasets.filter { sanoid.calls(for: $0).isEmpty }
            guard lacking.count < plan.datasets.count, !sanoid.takesTogether(plan.datasets) else { return nil }
            let how =
                lacking.isEmpty
                ? "which sanoid snapshots one after another"
                : "of which sanoid does not snapshot \(shortList(lacking.map(\.rawValue)))"
            return Finding(
                .disksApart, "\(what), \(how)",
                fix: "move its disks to one dataset, or \(together(plan.datasets, below: root, sanoid))")
        }
    }

    /// How one section of sanoid.conf snapshots all of them at once.
    private func together(_ datasets: [DatasetName], below root: DatasetName, _ sanoid: SanoidSchedule) -> String {
        let others = datasets.filter { $0 != root && sanoid.hasSection($0) }.map { "[\($0)]" }
        let instead = others.isEmpty ? "" : ", and take out \(shortList(others))"
        let file = site.sanoidFile
        guard !sanoid.hasSection(root) else {
            return "in the section [\(root)] that is in \(file): `recursive = zfs`\(instead)"
        }
        // Without a template and hooks of its own it would be snapshotted as sanoid's defaults have it, and unfrozen.
        let lines = datasets.lazy.flatMap(sanoid.calls).first.map { sanoid.lines(like: $0) } ?? []
        let written = (["recursive = zfs"] + lines).map { "`\(printable($0, limit: 400))`" }.joined(separator: ", ")
        return "write a new section [\(root)], which snapshots all below it, in \(file): \(written)\(instead)"
    }
}

extension [DatasetName] {
    /// The lowest dataset that holds all of them; nil: they are of several pools.
    var commonAncestor: DatasetName? {
        guard let first else { return nil }
        return ([first] + first.ancestors.reversed()).first { root in allSatisfy { $0.isSameOrDescendant(of: root) } }
    }
}
