internal import Hypervisor

extension ReasonCode {
    /// What it means, as the heading of its section in docs/reasons.md.
    var title: String { Self.texts[self]?.title ?? "A reason that this version does not know" }

    /// What to do about it.
    var remedy: String {
        Self.texts[self]?.remedy ?? "See the notes of the run; the version that wrote it has the meaning."
    }

    private static let texts: [ReasonCode: (title: String, remedy: String)] = [
        agentMissing: (
            "The VM has no guest agent",
            "Add the channel org.qemu.guest_agent.0 to its definition and install qemu-guest-agent in it; on vSphere "
                + "install the tools (open-vm-tools)."
        ),
        agentSilent: (
            "The guest agent did not answer in time",
            "See in the guest whether the agent runs: systemctl status qemu-guest-agent. Where it does and the guest is "
                + "slow, raise agent_timeout or freeze_timeout."
        ),
        agentRefuses: (
            "The guest agent does not allow what it was asked",
            "Allow guest-fsfreeze-freeze, guest-fsfreeze-thaw and guest-fsfreeze-status in the guest: its distribution may "
                + "block them in /etc/sysconfig/qemu-ga or /etc/qemu/qemu-ga.conf."
        ),
        freezeFailed: (
            "The guest was asked to freeze, and failed",
            "Look into the guest's own log: a hook of its fsfreeze-hook.d failed, a file system was busy or already "
                + "frozen, or a VSS writer of Windows failed (vssadmin list writers)."
        ),
        partlyFrozen: (
            "A file system that could have been frozen was not",
            "The notes of the run name it. Let the agent freeze all of them, or move the disk to another dataset."
        ),
        thawedEarly: (
            "The guest had thawed before it was told to",
            "Something else thawed it, it took longer than VSS allows (10 seconds), or it stood still for freeze_limit. "
                + "Make the snapshot come sooner, or raise freeze_limit."
        ),
        thawUnknown: (
            "It is not known whether the guest was frozen until the end",
            "The agent did not answer the thaw. See whether it runs, and whether the guest is overloaded."
        ),
        shutdownIgnored: (
            "The guest did not shut down in time",
            "See whether it takes ACPI shutdowns, or whether its agent runs; raise freeze_timeout where it takes long."
        ),
        vmPaused: (
            "The VM was paused already",
            "Resume it, if it should run: virsh resume. What is paused cannot freeze its file systems."
        ),
        vmBusy: (
            "Something else was at work on the VM",
            "Another run, a restore, a backup or a migration had it. See stillpoint status; do not let their times overlap."
        ),
        vmChanged: (
            "The VM changed while it was frozen or released",
            "It was started, stopped, moved or changed by somebody. Nothing is to be done where that was meant."
        ),
        diskUnsupported: (
            "A disk of the VM cannot move to an overlay",
            "stillpoint plan names the disk and why; docs/disks.md has the whole table. freeze leaves VMs on their disks."
        ),
        deviceUnsupported: (
            "A device of the VM cannot be part of a memory snapshot",
            "A passed-through device keeps RAM from being dumped. Remove it, or use quiesce for this VM."
        ),
        noRoom: (
            "There was too little room",
            "Make room where the notes of the run say: overlay_dir, ram_dir, or the server's datastore."
        ),
        noTime: (
            "The snapshot manager does not wait so long",
            "Raise its time-out for hooks (sanoid: script_timeout), or lower freeze_timeout."
        ),
        noWatchdog: (
            "The run has no watchdog",
            "Nobody would have released the VM, so it was not frozen. The notes of the run say why it could not be started."
        ),
        overlayFailed: (
            "An overlay could not be made, or moved to",
            "The notes of the run have QEMU's or libvirt's own words: rights (AppArmor, SELinux), room, or an overlay "
                + "that is left (stillpoint recover)."
        ),
        unreachable: (
            "The hypervisor did not answer",
            "See whether it runs and can be reached: stillpoint check."
        ),
        callFailed: (
            "The hypervisor refused a call, or failed it",
            "The notes of the run have its own words."
        ),
        programFailed: (
            "The program of exec: failed",
            "The notes of the run have what it said; run it by hand with the same JSON (docs/exec.md)."
        ),
        releasedEarly: (
            "The VM was released before the snapshot was taken, or may have been",
            "The snapshot came later than max_hold, overlay_dir was nearly full, or the snapshot manager was gone. The notes of the "
                + "run say which."
        ),
        unfinished: (
            "The freeze was not finished",
            "pre-snapshot was killed, or its manager's time-out struck: raise that (sanoid: script_timeout)."
        ),
        configured: (
            "The configuration wants no more",
            "crash-consistent comes first in its strategy; stillpoint plan shows which line says so."
        ),
    ]
}
