internal import Glibc
internal import Hypervisor

extension FreezeState {
    /// Notes the bases as they are now that nobody writes to them: the disks were seen to have moved to their overlays.
    mutating func noteBasesAtRest() async {
        let bases = disks.map(\.base)
        // Without it a release has less to go by. A disk that hangs holds up nothing for long.
        let stamps = try? await blocking("reading the bases", within: .seconds(5)) {
            bases.map { ImageStamp.read($0) }
        }
        for (index, stamp) in (stamps ?? []).enumerated() { disks[index].baseAtRest = stamp }
    }
}

extension OverlayDisk {
    /// How much later than the overlay the base was last written, at most; nil for devices, and where one is not there.
    var lead: Duration? {
        guard let base = ImageStamp.modified(base), let overlay = ImageStamp.modified(overlay) else { return nil }
        // Some file systems (zfs-fuse) keep whole seconds: it was written somewhen within that second.
        let second: Int64 = 1_000_000_000
        return .nanoseconds((base % second == 0 ? base + second - 1 : base) - overlay)
    }
}
