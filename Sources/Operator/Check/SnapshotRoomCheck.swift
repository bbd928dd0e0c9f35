internal import Engine
internal import Hypervisor
internal import ZFS

/// Where the next snapshot will fail: of each dataset, and of those that are snapshotted with what is below them.
struct SnapshotRoomCheck: CheckTheme {
    let site: CheckedSite
    var subject: String { "the room for snapshots" }

    func findings() async throws -> [Finding] {
        guard let zfs = site.zfs else { return [] }
        let room = SnapshotSpaceForecast(zfs: zfs)
        let datasets = site.datasets
        var found: [String] = []
        do throws(ZFSError) {
            found = try await room.shortages(ofEach: datasets.sorted())
            for root in site.recursiveRoots(above: datasets).sorted() {
                found += try await room.shortages(of: [root], recursive: true).filter { !found.contains($0) }
            }
        } catch {
            return [
                Finding(.snapshotRoomUnknown, "it is not known whether there is room for the next snapshot: \(error)")
            ]
        }
        return found.map { Finding(.snapshotRoomLacking, splitting: $0) }
    }
}
