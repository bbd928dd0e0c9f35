internal import Bounds
internal import Support
package import ZFS

/// Foresees that `zfs snapshot` will fail for want of space: what a dataset with a refreservation has written since its last
/// snapshot is the new snapshot's, and must be there for the dataset a second time.
///
/// As dsl_dataset_snapshot_reserve_space (OpenZFS, dsl_dataset.c): MIN(unique, refreservation) must be available below all
/// quotas and beside all reservations, for all datasets of one snapshot together. `usedbyrefreservation` is the part of the
/// refreservation that unique data has not taken, so the rest of it is that minimum; and it is in `available`.
package struct SnapshotSpaceForecast: Sendable {
    package let zfs: ZFSCommand

    package init(zfs: ZFSCommand) {
        self.zfs = zfs
    }

    /// Why the snapshot of these datasets will fail, and what to do about it; empty where nothing is seen.
    /// - Parameter recursive: those below are snapshotted with them.
    /// - Throws: ZFSError.
    package func shortages(of datasets: [DatasetName], recursive: Bool) async throws(ZFSError) -> [String] {
        let wanting = try await zfs.wantingSpace(datasets, recursive: recursive)
        guard !wanting.isEmpty else { return [] }
        let all = Set(wanting.flatMap { [$0] + $0.ancestors }).sorted()
        return Self.shortages(try await zfs.space(of: all), of: Set(wanting))
    }

    /// The same for each of the datasets, snapshotted alone.
    /// - Throws: ZFSError.
    package func shortages(ofEach datasets: [DatasetName]) async throws(ZFSError) -> [String] {
        let wanting = try await zfs.wantingSpace(datasets, recursive: false)
        guard !wanting.isEmpty else { return [] }
        let spaces = try await zfs.space(of: Set(wanting.flatMap { [$0] + $0.ancestors }).sorted())
        var found: [String] = []
        for dataset in wanting {
            found += Self.shortages(spaces, of: [dataset]).filter { !found.contains($0) }
        }
        return found
    }

    /// - Parameters:
    ///   - spaces: of the datasets and all above them.
    ///   - taken: those that are snapshotted together.
    static func shortages(_ spaces: [DatasetSpace], of taken: Set<DatasetName>) -> [String] {
        var demand: [DatasetName: UInt64] = [:]
        var wanting: [DatasetName: [DatasetName]] = [:]
        var short: Set<DatasetName> = []
        var found: [String] = []
        // From below: sorted, a dataset is followed by its descendants.
        for space in spaces.sorted(by: { $0.name > $1.name }) {
            if taken.contains(space.name), space.again > 0 {
                demand[space.name] = (demand[space.name] ?? 0).plus(space.again)
                wanting[space.name, default: []].append(space.name)
            }
            let wanted = demand[space.name] ?? 0
            let names = wanting[space.name] ?? []
            if wanted > space.free, short.isDisjoint(with: names) {
                short.formUnion(names)
                found.append(text(names.sorted(), wanted, in: space))
            }
            guard let parent = space.name.parent, wanted > space.unusedReservation else { continue }
            demand[parent] = (demand[parent] ?? 0).plus(wanted - space.unusedReservation)
            wanting[parent, default: []] += names
        }
        let full = spaces.filter { $0.name.parent == nil && $0.available == 0 }.map {
            "the pool \($0.name) has no space left, and zfs snapshot will fail; fix: make room"
        }
        return full + found.reversed()
    }

    private static func text(_ datasets: [DatasetName], _ wanted: UInt64, in space: DatasetSpace) -> String {
        let one = datasets.count == 1
        let shown = datasets.prefix(10).map(\.rawValue).joined(separator: ", ") + (datasets.count > 10 ? ", …" : "")
        return
            "the snapshot of \(shown) will fail for want of space: \(formattedBytes(wanted)) of \(one ? "its" : "their") "
            + "refreservation must be there again, and \(formattedBytes(space.free)) are, in \(space.name); fix: "
            + "make room, raise the "
            + "quota, or: zfs set refreservation=none "
            + "\(datasets.prefix(10).map { shellQuoted("\($0)") }.joined(separator: " "))"
    }
}

extension DatasetSpace {
    /// What the dataset must have a second time when it is snapshotted.
    fileprivate var again: UInt64 { refreservation - min(refreservation, usedByRefreservation) }

    /// What is available for that. A refquota bounds the dataset's own data and not what is reserved, so of one that has it
    /// nothing can be said here, and those above tell.
    fileprivate var free: UInt64 {
        refquota > 0 ? .max : available - min(available, usedByRefreservation)
    }

    /// What those below may take before it counts for those above.
    fileprivate var unusedReservation: UInt64 { reservation - min(reservation, used) }
}
