internal import Hypervisor

extension FindingGuide {
    static let ofHost: [FindingCode: FindingGuide] = [
        .folderUnusable: FindingGuide(
            meaning: """
                `overlay_dir`, `ram_dir`, `state_dir` or `cold_storage` is not there, is another user's or open to others, \
                cannot be written to, or lies on a dataset that is snapshotted with the VMs.
                """,
            detection: "The folders are checked as pre-snapshot checks them, those above them included.",
            remedy: """
                The message has the command that makes the folder or takes it back. What lies on a snapshotted dataset would \
                be in the snapshot and grow with it: put it on a dataset or file system of its own, and name that in \
                stillpoint.conf.
                """),
        .programUnusable: FindingGuide(
            meaning: """
                The program of a strategy `exec:PATH` is not there, cannot be executed, or could be changed by others than root.
                """,
            detection: "The file and every folder above it are checked, as before each run.",
            remedy: """
                Install it so that it belongs to root and nobody else may write to it or to a folder above it: \
                `install -o root -g root -m 0755 PROGRAM PATH`. docs/exec.md says what it has to do.
                """),
        .overlayRoomLacking: FindingGuide(
            meaning: """
                Overlays take what guests write between the freeze and the end of the commit. The file system of `overlay_dir` \
                has too little free space for them.
                """,
            detection: """
                The free space of the folder's file system is compared with what the disks' overlays need at least, and with \
                the tenth that must stay free: below that the watchdog releases a run early.
                """,
            remedy: """
                Free space there, or set `overlay_dir` to a file system with more. A reservation \
                for its dataset, `zfs set reservation=20G POOL/stillpoint`, keeps others from filling it. Fewer VMs at once also help: give \
                datasets snapshots at different minutes.
                """),
        .snapshotRoomLacking: FindingGuide(
            meaning: """
                A dataset or volume with a `refreservation` needs its written data a second time when it is snapshotted, and \
                the pool or a quota has not that much free; or the pool is full.
                """,
            detection: """
                For each dataset with VMs, and for all of a recursive snapshot together, the space that ZFS will ask for is \
                compared with what it says is available.
                """,
            remedy: """
                Destroy old snapshots (`zfs list -t snapshot -s used`), raise the quota, or make a thick volume thin: \
                `zfs set refreservation=none POOL/VOLUME`. A thin volume's guest gets I/O errors when the pool is full, so \
                watch the pool.
                """),
        .snapshotRoomUnknown: FindingGuide(
            meaning: "zfs did not answer how much space there is.",
            detection: "`zfs get` is asked for `available`, `refreservation` and quotas of the datasets with VMs.",
            remedy: "The message has what zfs said. `zpool status` shows whether the pool is suspended or degraded."),
        .labelsMissing: FindingGuide(
            meaning: "SELinux is enforcing, and the file system of `overlay_dir` keeps no label for a single file.",
            detection:
                "The mount options of the folder's file system are read: `seclabel` is missing, or `context=` is set.",
            remedy: """
                Put `overlay_dir` on xfs or ext4, or on a dataset with `zfs set xattr=sa POOL/stillpoint` that is mounted \
                without `context=`; then libvirt labels each overlay for its VM.
                """),
        .appArmorParserMissing: FindingGuide(
            meaning: """
                libvirt before 12.1 denies a VM that was started on its overlay to write to its own disk. A release takes that \
                line out of the VM's profile, and has `apparmor_parser` load it.
                """,
            detection: "AppArmor is in force, libvirt is older than 12.1, and the program is in no usual folder.",
            remedy: "`apt install apparmor`. hooks/systemd/README.md says what happens without it."),
        .appArmorInForce: FindingGuide(
            meaning: """
                The same, with the program that is needed. It concerns a VM that is started while it is on an overlay, such as \
                after a power cut.
                """,
            detection: "AppArmor is in force, and libvirt is older than 12.1.",
            remedy: "Nothing. hooks/systemd/README.md says what a release does. libvirt 12.1 and later need none of it."
        ),
        .selinuxInForce: FindingGuide(
            meaning: "SELinux decides whether QEMU may open an overlay. libvirt labels overlays for their VMs.",
            detection: "The kernel is asked whether SELinux is enforcing or permissive.",
            remedy: """
                Nothing, as long as VMs are quiesced. Where QEMU is denied an overlay, `ausearch -m AVC -ts recent` shows it.
                """),
        .confinementMissing: FindingGuide(
            meaning: """
                qemu-img reads images that guests can write to. Landlock keeps it from all other files; without it only its \
                privileges, memory and time are limited.
                """,
            detection: "The kernel is asked for Landlock.",
            remedy: """
                Linux 5.13 or later has it. Where it is built in and not switched on, add `landlock` to the kernel's parameter \
                `lsm=`. SECURITY.md says what qemu-img is kept from.
                """),
    ]
}
