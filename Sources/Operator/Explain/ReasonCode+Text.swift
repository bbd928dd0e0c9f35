internal import Hypervisor

extension ReasonCode {
    /// What it means, as the heading of its section in docs/reasons.md.
    var title: String { text.title }

    /// What to do, in sentences.
    var remedy: String { text.remedy }

    private var text: (title: String, remedy: String) {
        Self.ofGuests[self] ?? Self.ofVMs[self] ?? Self.ofHosts[self]
            ?? (
                "A word that this version of Stillpoint does not know",
                "A later version wrote it: `stillpoint --version` there, and its docs/reasons.md, say more."
            )
    }

    private static let ofGuests: [ReasonCode: (title: String, remedy: String)] = [
        .agentMissing: (
            "The VM has no guest agent channel, or its tools are not installed",
            """
            Install `qemu-guest-agent` in the guest, and give the VM the channel: `virsh edit VM`, with \
            `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>` among its devices; it is there \
            after the next start of the VM. On vSphere install VMware Tools or open-vm-tools in the guest.
            """
        ),
        .agentSilent: (
            "The guest agent, or VMware Tools, did not answer in time",
            """
            `virsh qemu-agent-command VM '{"execute":"guest-ping"}'` asks it by hand. In the guest start or restart the service \
            `qemu-guest-agent` (Windows: "QEMU Guest Agent"), and see that it starts at boot. A guest that boots, or is under \
            heavy load, answers late: raise `agent_timeout`, and for slow freeze hooks or VSS `freeze_timeout`. sanoid's \
            `script_timeout` must allow for both.
            """
        ),
        .agentRefuses: (
            "The agent answers, and does not allow what it was asked for",
            """
            In the guest take `guest-fsfreeze-freeze`, `guest-fsfreeze-thaw` and `guest-fsfreeze-status` out of the agent's \
            `block-rpcs` (or `blacklist`, `BLACKLIST_RPC`) in `/etc/sysconfig/qemu-ga` or `/etc/qemu/qemu-ga.conf`, and restart it. \
            RHEL and its like block some calls by default. With SELinux in the guest: `setsebool -P \
            virt_qemu_ga_read_nonsecurity_files on`.
            """
        ),
        .freezeFailed: (
            "The guest was asked to freeze and failed: a freeze hook of its own, VSS, or a file system that is busy",
            """
            The guest's own log says why: `journalctl -u qemu-guest-agent`, and the log of its freeze hooks; on Windows \
            `vssadmin list writers` and the event log. examples/guest has hooks that give up cleanly. A failure that passes is \
            tried again within the run.
            """
        ),
        .partlyFrozen: (
            "A file system that could have been frozen was not",
            """
            The notes of the run name it (`stillpoint show DATASET@SNAP`). A hook or a systemd unit of the guest may have thawed it, \
            it may be mounted where the agent does not look (a container's mount namespace), or the agent may be too old. Update \
            the agent, or accept it with `strategy = crash-consistent`.
            """
        ),
        .thawedEarly: (
            "The guest had thawed before it was told to",
            """
            Windows' VSS holds writes for 10 seconds at most: with `quiesce` that is long enough, with `freeze` the snapshot must \
            follow at once. On Linux find out what thaws: a hook, `fsfreeze -u`, a reset of the guest, another backup program.
            """
        ),
        .thawUnknown: (
            "Whether the guest was frozen until the end is not known: it did not answer the thaw, or the program did not",
            """
            The guest runs, and what was claimed was lowered in doubt. As for `agent-silent`: see to the agent. An agent that is \
            restarted, or a guest that is reset, while it is frozen leaves this.
            """
        ),
        .shutdownIgnored: (
            "The guest did not shut down in time, or takes no shutdown",
            """
            See that it reacts to `virsh shutdown VM`: install the agent, or in the guest acpid or what takes its place. Raise \
            `shutdown_timeout`, and the manager's own time-out (sanoid: `script_timeout`), for a guest that takes longer.
            """
        ),
    ]

    private static let ofVMs: [ReasonCode: (title: String, remedy: String)] = [
        .vmPaused: (
            "The VM was paused already, and was left so",
            """
            `virsh domstate --reason VM` says why. A VM that QEMU has paused for an I/O error needs room on its storage, then \
            `virsh resume VM`.
            """
        ),
        .vmBusy: (
            "Another run, a restore, a backup or a migration was at work on the VM",
            """
            Let it end: `virsh domjobinfo VM` and `virsh blockjob VM vda --info` show jobs, `stillpoint recover --dry-run` open runs. \
            Put backups and snapshots at different times. A run that nobody ends is ended by `stillpoint recover`.
            """
        ),
        .vmChanged: (
            "The VM was started, stopped, migrated or changed between pre-snapshot and post-snapshot, or is not there any more",
            """
            Nothing, where it was meant: the next run takes it as it is then. docs/vm-changes.md says what is done in each case. \
            Put planned restarts at another time than snapshots.
            """
        ),
        .diskUnsupported: (
            "A disk of the VM cannot be moved to an overlay, or cannot be part of a VM snapshot",
            """
            `stillpoint plan DATASET` names the disk and why. docs/disks.md has what can be changed. `strategy = freeze` needs no \
            overlay.
            """
        ),
        .deviceUnsupported: (
            "A device of the VM cannot be part of a memory snapshot, such as one that is passed through",
            """
            RAM cannot be saved beside it. Take the device off the VM, or `memory` out of its list: `strategy = quiesce, \
            crash-consistent` in a `[vm NAME]` section.
            """
        ),
    ]

    private static let ofHosts: [ReasonCode: (title: String, remedy: String)] = [
        .noRoom: (
            "There was too little room for overlays, or for the RAM",
            """
            Free space on the file system of `overlay_dir` or `ram_dir`, or set the key to a larger one. `stillpoint check` says how \
            much is missing. Dumps that wait for cold storage are moved by `stillpoint archive`, and those without snapshots are \
            deleted by `stillpoint prune --orphans`.
            """
        ),
        .noTime: (
            "The snapshot manager does not wait so long",
            """
            Raise its time-out: sanoid's `script_timeout` is 5 seconds unless sanoid.conf says otherwise, and 120 is right for most \
            hosts; zrepl's `timeout` of the hook is 30 seconds. Fewer VMs in one run, or a higher `max_parallel`, make it shorter.
            """
        ),
        .noWatchdog: (
            "The watchdog of the run could not be started, so nobody would have ended the freeze",
            """
            The report of the run says why: too many processes, no memory, or a program that was replaced meanwhile. It is tried \
            again with the next run.
            """
        ),
        .overlayFailed: (
            "An overlay could not be made, or the VM could not be moved to it",
            """
            The notes of the run have libvirt's and QEMU's answer (`stillpoint show DATASET@SNAP`). Often it is access: \
            `overlay_dir` must be reachable for QEMU (mode 0711 on each folder above), and AppArmor or SELinux must allow it \
            (`journalctl -k --grep=DENIED`, `ausearch -m AVC`). An overlay that is left from before is named by `stillpoint check`.
            """
        ),
        .unreachable: (
            "The hypervisor did not answer",
            """
            `stillpoint check` says how it was asked, and what the answer was. A libvirtd that hangs is restarted without harm \
            to its VMs: `systemctl restart libvirtd`.
            """
        ),
        .callFailed: (
            "The hypervisor refused a call, or failed it",
            """
            The notes of the run have its own words (`stillpoint show DATASET@SNAP`). The log of libvirtd, `/var/log/libvirt/qemu/VM.log`, \
            or the tasks in the vSphere client say more. On vSphere it is often a privilege: `stillpoint check` names it.
            """
        ),
        .programFailed: (
            "The program of `exec:PATH` failed, or gave no answer that can be read",
            """
            Its standard error is in the report and the journal. docs/exec.md has the protocol; \
            `stillpoint check` says whether the program may be run at all.
            """
        ),
        .stale: (
            "The VM was on an overlay of an earlier run, so its disks hold nothing of what it wrote since",
            """
            `stillpoint status` names the run that has not released it: `stillpoint recover` ends it. Where no run is open, its \
            state file is lost, and `stillpoint recover --adopt` brings the VM back to its own disks. Restore from an older snapshot, \
            or from one that is taken after that.
            """
        ),
        .noSnapshot: (
            "No snapshot was taken while the VM was held",
            """
            The snapshot manager's messages say why: a pool without space, a dataset that is not there, a quota. Where \
            pre-snapshot was killed, see the journal for why, and under sanoid set `script_timeout = 120`.
            """
        ),
        .undone: (
            "All was undone (`on_failure = abort`), since another VM could not be frozen",
            """
            The notes of the run name that VM: `stillpoint explain VM` says why it failed. With `on_failure = continue` the others \
            are snapshotted consistently all the same, and that VM as it is.
            """
        ),
        .releasedEarly: (
            "The VM was released before the snapshot was taken, or may have been",
            """
            The journal says what the watchdog waited for: `journalctl --grep=stillpoint:`. `max_hold` was over, `overlay_dir` nearly \
            full, a hook or the manager was killed, or with `freeze` and `pause` `freeze_limit` was over. Raise the limit that \
            was met, or take fewer datasets in one snapshot.
            """
        ),
        .unfinished: (
            "pre-snapshot did not finish: it was killed, or its manager gave it no more time",
            """
            Under sanoid set `script_timeout = 120`. See the journal for an out-of-memory kill or a reboot in that minute.
            """
        ),
        .configured: (
            "The configuration wants no more: `crash-consistent` is the strategy that counts",
            """
            Nothing, where it is meant. `stillpoint plan DATASET` shows the line that says so; `strategy = quiesce, \
            crash-consistent` there freezes the guest.
            """
        ),
    ]
}
