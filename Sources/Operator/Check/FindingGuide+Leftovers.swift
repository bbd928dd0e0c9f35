internal import Hypervisor

extension FindingGuide {
    static let ofLeftovers: [FindingCode: FindingGuide] = [
        .runAbandoned: FindingGuide(
            meaning: """
                A state file in `state_dir/runs` is of a run that no hook, watchdog or recovery works on: they were killed, or \
                the host lost power.
                """,
            detection: "The processes that the state files name are looked up.",
            remedy: """
                `stillpoint recover` ends it: guests are thawed, writes committed, overlays deleted. \
                `stillpoint recover --dry-run` says what it would do. With stillpoint-recover.timer (hooks/systemd/README.md) it \
                happens every 15 minutes, and at boot.
                """),
        .runNotEnded: FindingGuide(
            meaning:
                "The watchdog has begun to release the run, and is not done: a commit takes long, or something fails.",
            detection: "The state file says since when, and its watchdog lives.",
            remedy: """
                `journalctl --grep=stillpoint:` says what it tries, and what comes of it. Remove the cause (a full pool, a \
                libvirtd that hangs); then `stillpoint recover`.
                """),
        .overlayLeft: FindingGuide(
            meaning: """
                A VM runs on, or is defined with, an overlay that has our name, and no state file knows it. Its own image \
                does not have what the guest has written since, so snapshots of it are `stale`.
                """,
            detection: "The disks of all VMs are searched for overlays whose name is one of ours.",
            remedy: """
                `stillpoint recover --adopt` commits it under the same rules as any run's, and deletes it. Where the message \
                names an obstacle, that comes first. Never delete an overlay by hand: it holds the guest's newest data.
                """),
        .restoreLeft: FindingGuide(
            meaning: "A restore was killed, and its clone, copied files or copied RAM are still there.",
            detection:
                "Datasets with the property `stillpoint:restore`, and the restores that `state_dir/restores` knows.",
            remedy: """
                `stillpoint recover` removes what no VM uses. A clone that this host knows nothing of is destroyed by \
                `zfs destroy -r CLONE` when no restore is running, or kept by `zfs inherit stillpoint:restore CLONE`.
                """),
        .serverSnapshotLeft: FindingGuide(
            meaning: "A VM of vSphere has a VM snapshot with the name that runs give theirs.",
            detection: "The snapshot tree of each VM is read.",
            remedy: """
                While a run is open this is right. `stillpoint recover --dry-run` lists open runs, and `stillpoint recover` \
                removes their VM snapshots. One that belongs to no open run is removed in the vSphere client ("Delete", \
                which keeps the VM's present state).
                """),
    ]
}
