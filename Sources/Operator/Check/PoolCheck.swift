internal import Bounds
internal import Engine
internal import Hypervisor
internal import Support
internal import ZFS

/// The pools that hold VMs, and the datasets' room for what guests write while a snapshot is taken.
struct PoolCheck: CheckTheme {
    /// In percent.
    private static let nearlyFull = 90

    let site: CheckedSite
    var subject: String { "the pools" }

    func findings() async throws -> [Finding] {
        guard let zfs = site.zfs, !site.datasets.isEmpty else { return [] }
        // A host without zpool tells nothing of its pools, and nothing else is amiss for that.
        let pools = (try? await zfs.poolStatus(of: Set(site.datasets.map(\.pool)).sorted())) ?? []
        return pools.flatMap(Self.findings) + (try await commitRoom(zfs))
    }

    static func findings(_ status: PoolStatus) -> [Finding] {
        var findings: [Finding] = []
        let pool = shellQuoted(status.pool.rawValue)
        if !["ONLINE", "DEGRADED"].contains(status.health) {
            findings.append(
                Finding(
                    .poolUnusable, "the pool \(status.pool) is \(printable(status.health))",
                    fix: "zpool status -x \(pool)"))
        }
        if status.isReadOnly {
            findings.append(
                Finding(
                    .poolUnusable, "the pool \(status.pool) was imported read-only",
                    fix: "zpool export \(pool) && zpool import \(pool)"))
        }
        if let capacity = status.capacity, capacity > nearlyFull {
            findings.append(
                Finding(
                    .poolNearlyFull, "the pool \(status.pool) is full to \(capacity) %",
                    fix: "destroy what is not needed: zfs list -o space -s used -r \(pool)"))
        }
        return findings
    }

    /// What a VM on several datasets wrote is not known of each: it counts where they have their room in common.
    private func commitRoom(_ zfs: ZFSCommand) async throws -> [Finding] {
        var wanted: [DatasetName: UInt64] = [:]
        for plan in site.machines where plan.mayMoveDisks {
            guard let bytes = site.overlays.largest[plan.key], let dataset = plan.datasets.commonAncestor else {
                continue
            }
            wanted[dataset, default: 0] = (wanted[dataset] ?? 0).plus(bytes)
        }
        let spaces: [DatasetSpace]
        do throws(ZFSError) {
            spaces = try await zfs.space(of: wanted.keys.sorted())
        } catch {
            guard error.code == .notFound else { throw error }
            // None of them is there, which is a finding of its own.
            return []
        }
        return spaces.compactMap { space in
            guard let bytes = wanted[space.name], space.available < bytes else { return nil }
            return Finding(
                .commitRoomLacking,
                "\(space.name) has room for \(formattedBytes(space.available)), and its VMs wrote "
                    + "\(formattedBytes(bytes)) during a snapshot lately",
                fix: "make room, or raise the quota (zfs get -r quota,refquota,reservation "
                    + "\(shellQuoted(space.name.pool.rawValue)) shows them)")
        }
    }
}
