internal import Hypervisor

extension FindingGuide {
    static let ofRemains: [FindingCode: FindingGuide] = [
        .stateUnreadable: FindingGuide(
            meaning: "A state file in `state_dir/runs` is damaged, or cannot be opened.",
            detection: "Each state file is read.",
            remedy: """
                Keep the file. `stillpoint recover` names the overlays that it stood for, and `stillpoint recover --adopt` releases \
                them; then the file may be moved away. A disk that loses data is looked for in `dmesg` and `zpool status`.
                """),
        .stateNewer: FindingGuide(
            meaning:
                "A run was begun by a version of Stillpoint that writes more into its state file than this one knows.",
            detection: "Each state file is read.",
            remedy: "Install that version again, and let it end the run: `stillpoint recover`."),
        .runOpen: FindingGuide(
            meaning: "A run is between pre-snapshot and the end of post-snapshot, as every run is for a while.",
            detection: "The processes that the state files name are looked up.",
            remedy: "Nothing. It is ended by its post-snapshot, or after `max_hold` by its watchdog."),
        .archiveWaiting: FindingGuide(
            meaning: "Dumps are on their way from `ram_dir` to cold storage, or wait for it.",
            detection: "The marks of runs that wait are counted.",
            remedy: "Nothing. `stillpoint archive` moves them now."),
        .archiveOverdue: FindingGuide(
            meaning: "Dumps have waited for more than a day.",
            detection: "The marks of runs that wait are counted, with the age of the oldest.",
            remedy: """
                `stillpoint archive` says why it does not move them: cold storage is full, or not mounted. \
                `systemctl enable --now stillpoint-archive.timer` tries again every hour.
                """),
        .dumpNotArchived: FindingGuide(
            meaning:
                "A dump was to be moved to cold storage, and that failed. The dump is whole, and stays where it is.",
            detection: "The catalogue has what the last try said.",
            remedy: "Remove the cause that the message names; then `stillpoint archive`."),
        .dumpMissing: FindingGuide(
            meaning: "The catalogue names a file that is not there.",
            detection: "The places of the newest dumps are looked up.",
            remedy: """
                Put back what was moved, or mount what is not. Where it is gone, the VM can be restored without its RAM, and the \
                dump is named for as long as its snapshot exists: when that is destroyed, `stillpoint prune --orphans` clears the \
                catalogue.
                """),
        .catalogueUnreadable: FindingGuide(
            meaning: "A file of the catalogue in `state_dir/restore-points` is damaged, or is not sealed by this host.",
            detection: "Each file is read.",
            remedy: """
                The snapshots themselves still have the VMs' definitions: `stillpoint show DATASET@SNAP`. Put the file back from a \
                backup of `state_dir`, or move it away.
                """),
        .unitDisabled: FindingGuide(
            meaning:
                "A systemd unit that ends what a killed hook left, or moves and deletes RAM dumps, is not enabled.",
            detection: "systemd is asked for the units that the configuration needs.",
            remedy: """
                `systemctl enable --now stillpoint-recover.timer`, and what else the message names. hooks/systemd/README.md says \
                what each is for.
                """),
        .notRoot: FindingGuide(
            meaning: "The check was called by a user who may not see all that the hooks, as root, will see.",
            detection: "The user is read.",
            remedy: "`sudo stillpoint check`."),
        .zfsMissing: FindingGuide(
            meaning: "There is no `zfs` program in PATH, nor where it usually is.",
            detection: "The program is looked up as each run looks it up.",
            remedy: "`apt install zfsutils-linux`; on other systems the package of OpenZFS."),
        .zfsSilent: FindingGuide(
            meaning: "`zfs` gave no answer in time, or refused.",
            detection: "`zfs list` is called with a limit of time.",
            remedy:
                "`zpool status` says whether a pool is suspended. Without an answer no hook can tell which VMs a snapshot concerns."
        ),
        .checkUnfinished: FindingGuide(
            meaning: "A part of the check did not end, or failed, so that what it would have found is not known.",
            detection: "Each part has a limit of time.",
            remedy: "The message says what was asked. Remove what hangs, and call `stillpoint check` again."),
    ]
}
