internal import Hypervisor

extension FindingGuide {
    /// Of VMs that are up: each is asked why its strategies would fail now.
    static let ofGuests: [FindingCode: FindingGuide] = [
        .licenceRefusesSnapshots: FindingGuide(
            meaning: "A stand-alone ESXi host runs by the free licence, whose API only reads.",
            detection: "The editions of the host's licences are read. An account that may not see them finds nothing.",
            remedy: """
                Give the host a licence with the vSphere API. Until then `strategy = crash-consistent` on its datasets says \
                that nothing more is expected.
                """),
        .agentMissing: FindingGuide(
            meaning: """
                The VM's definition has no channel `org.qemu.guest_agent.0`, or the guest has no VMware Tools. Nobody can tell \
                the guest to write what it holds and to stand still.
                """,
            detection: "The definition of the running domain is read; on vSphere what the server knows of the tools.",
            remedy: """
                The message has the command for the channel. It is there after the VM's next start. Then install \
                `qemu-guest-agent` in the guest, or VMware Tools or open-vm-tools. A guest for which there is no agent gets \
                `pause`, `shutdown` or `crash-consistent`.
                """),
        .agentSilent: FindingGuide(
            meaning:
                "The channel is there, and the agent does not have it open, or does not answer. Or VMware Tools do not run.",
            detection: "The agent is asked for its file systems, and waited for as long as `agent_timeout` says.",
            remedy: """
                In the guest: `systemctl enable --now qemu-guest-agent`, or `systemctl restart qemu-guest-agent` where it runs \
                and does not answer. On Windows it is the service "QEMU Guest Agent". A guest under heavy load may only be \
                slow: raise `agent_timeout`.
                """),
        .agentRefuses: FindingGuide(
            meaning: "The agent answers, and says itself that it does not allow the freeze or the thaw, or has none.",
            detection: "`guest-info` lists the agent's commands, and which of them are enabled.",
            remedy: """
                In the guest, allow `guest-fsfreeze-freeze`, `guest-fsfreeze-thaw` and `guest-fsfreeze-status`, and restart the \
                agent. RHEL, Fedora and their like list what is blocked in `/etc/sysconfig/qemu-ga` (`BLACKLIST_RPC`, \
                `FILTER_RPC_ARGS`), others in `/etc/qemu/qemu-ga.conf` or by `--block-rpcs`. On Windows install the agent \
                anew, with its VSS provider.
                """),
        .machinePaused: FindingGuide(
            meaning: """
                Somebody has paused the VM, or QEMU has since a write failed. Its guest cannot be told anything, and nobody \
                else's pause is ended.
                """,
            detection: "The hypervisor says what each VM is doing.",
            remedy:
                "Resume it: `virsh resume VM`. After a failed write make room first; `virsh domblkerror VM` names the disk."
        ),
        .machineBusy: FindingGuide(
            meaning: """
                A backup, a migration, a block job or another program's freeze is under way. A run waits for it a moment, and \
                then takes the next strategy.
                """,
            detection:
                "libvirt is asked for the jobs of the VM and its disks, and the agent whether the guest is frozen.",
            remedy: """
                The message names what is under way. Nothing is to be done where it ends before the next snapshot. A freeze \
                that somebody forgot: `virsh domfsthaw VM`. Let backups and snapshots run at different times.
                """),
        .machineSilent: FindingGuide(
            meaning: "The VM's QEMU process is stopped or hangs, or a vCenter has lost the VM's host.",
            detection:
                "QEMU is asked for the size of a disk, and waited for some seconds; a stopped process is seen in /proc.",
            remedy: """
                A stopped process: `kill -CONT PID`. One that hangs mostly waits for storage: see `virsh domcontrol VM` and the \
                host's log. On vSphere reconnect the host.
                """),
        .shapeUnsupported: FindingGuide(
            meaning: "A disk or a device of the VM cannot be part of what its first strategy makes.",
            detection: """
                The definition is read as a freeze reads it. `memory` wants all writable disks in the snapshot and no \
                passed-through device; VM snapshots of vSphere have limits of their own (docs/vsphere.md).
                """,
            remedy: """
                Put all disks on datasets that are snapshotted together, take the device away, or choose another strategy: \
                `freeze` moves no disk, `shutdown` suits passed-through devices (docs/strategies.md).
                """),
        .shutdownImpossible: FindingGuide(
            meaning: "A shutdown would not end the VM, would make it vanish, or its guest would not hear of it.",
            detection: """
                A transient domain, an `on_poweroff` that is not `destroy`, and a PC with neither an agent that answers nor \
                ACPI are not shut down.
                """,
            remedy: """
                Define the VM (`virsh define`), set `<on_poweroff>destroy</on_poweroff>`, add `<acpi/>` to its features or \
                install the agent. Or choose another strategy.
                """),
        .strategyImpossible: FindingGuide(
            meaning: "The VM's first strategy would fail, for a reason that has no code of its own here.",
            detection: "The steps of the freeze are taken as far as nothing is made or frozen.",
            remedy:
                "The message says what failed. A hypervisor that cannot do what the strategy needs gets another strategy."
        ),
        .guestUnknown: FindingGuide(
            meaning: "The hypervisor lists the VMs, and then does not tell of them.",
            detection:
                "What is asked of one VM takes half a minute at most; after that its hypervisor is not asked again.",
            remedy: """
                See whether libvirtd hangs: `virsh domcontrol VM`, `journalctl -u libvirtd`. Restarting libvirtd does not \
                touch the VMs.
                """),
        .nameShared: FindingGuide(
            meaning: "Two or more VMs on one dataset run at the same time under one name.",
            detection: "The names of all VMs that are up are compared, of all hypervisors.",
            remedy: """
                Give each a name of its own: `virsh domrename OLD NEW` when it is off, or in the vSphere client. Restores then \
                find the right one.
                """),
        .fallbackImpossible: FindingGuide(
            meaning: "The VM's first strategy would work. One that stands behind it would not.",
            detection: "All strategies of the list are asked about.",
            remedy: "Nothing, as long as the first one works. Else read the message: it says what stands in the way."),
    ]
}
