internal import Glibc
internal import Hypervisor
internal import RunState
internal import SnapshotManagers

extension Run {
    /// Takes back what is claimed of its VMs: all of them are released before there is a snapshot.
    /// - Parameter why: in words.
    mutating func noteUndoing(because why: String) {
        let early = EarlyRelease(began: Int64(time(nil)), reason: "all was undone: \(why)")
        for index in machines.indices {
            if machines[index].consistency ?? .memory > .crash {
                machines[index].downgrade(to: .crash, because: .undone)
            }
            // The run itself is not marked so: its watchdog would wait for a post-snapshot before it ends what is left of it.
            if machines[index].earlyRelease == nil { machines[index].earlyRelease = early }
            machines[index].notes.append("all was undone: \(why)")
        }
    }
}

extension SnapshotManager {
    /// What there is after a pre-snapshot that has undone all, in a sentence.
    var afterUndoing: String {
        switch self {
        case .stillpoint: "there is no snapshot by this run"
        case .sanoid:
            "there is no consistent snapshot by this run; whether sanoid took it all the same depends on its "
                + "no_inconsistent_snapshot"
        case .zfsAutoSnapshot, .zrepl, .znapzend, .byHand:
            "there is no consistent snapshot by this run; whether it was taken all the same is up to what takes it when "
                + "a hook fails"
        }
    }
}
