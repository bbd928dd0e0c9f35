internal import Hypervisor

extension FindingGuide {
    static let ofSpace: [FindingCode: FindingGuide] = [
        .overlayRoomTight: FindingGuide(
            meaning: "There is room for what guests wrote during the last runs, and not for twice as much.",
            detection:
                "The free space of `overlay_dir` is compared with the writes that the history has of the last runs.",
            remedy: "Free space there, or set `overlay_dir` to a file system with more."),
        .ramRoomLacking: FindingGuide(
            meaning: "The RAM of the VMs that one run dumps together is more than `ram_dir` has room for.",
            detection:
                "The RAM of all VMs of a dataset with `strategy = memory` is added up, and compared with what is free.",
            remedy: """
                Free space in `ram_dir`: `stillpoint archive` moves what waits for cold storage, `stillpoint prune --orphans` deletes \
                dumps without snapshots. Or set `ram_dir` to a larger file system, or give fewer VMs `memory`.
                """),
        .overlayFolderClosed: FindingGuide(
            meaning: """
                QEMU runs as a user of its own, and opens an overlay itself. A folder on the way to `overlay_dir`, or that folder, \
                does not let this user in. libvirt gives the overlay to that user, and no folder above it.
                """,
            detection: """
                The user is what `/etc/libvirt/qemu.conf` says, or a running QEMU has, or `libvirt-qemu` or `qemu`. The modes and \
                access lists of all folders from `/` to `overlay_dir` are read, where a VM's strategies move disks.
                """,
            remedy: """
                The message has the command. `chmod o+x FOLDER` lets others go through a folder, and not list it; mode 0711 is \
                enough for each.
                """),
        .coldStorageUnusable: FindingGuide(
            meaning: """
                `cold_storage` is not there, cannot be written, or can be changed by others than root. Snapshots are taken all the \
                same, and their RAM dumps wait in `ram_dir`.
                """,
            detection: "The folder, and its owner and mode, are read.",
            remedy: """
                Where it is a mount (NFS, a disk): mount it. A folder that is made in its place takes the dumps on the root file \
                system, and the mount hides them later. Only where it is no mount: `install -d -m 0711 DIR`.
                """),
        .coldRoomTight: FindingGuide(
            meaning: "The RAM of the VMs that one run dumps together would not fit into cold storage.",
            detection: """
                The RAM of all VMs of a dataset with `strategy = memory` is added up, half of it where it is compressed \
                (`ram_compression`), and compared with what is free.
                """,
            remedy: """
                Free space there: `stillpoint prune --orphans` deletes dumps whose snapshots are gone. Keep fewer snapshots with RAM, \
                or set `cold_storage` to a larger file system.
                """),
        .poolUnusable: FindingGuide(
            meaning: "A pool with VMs is suspended, faulted, or imported read-only.",
            detection: "`zpool list` is asked for the health of each pool with VMs, and for `readonly`.",
            remedy: """
                `zpool status -x POOL` says what is wrong. When the devices are back: `zpool clear POOL`. One that was imported \
                read-only is exported and imported again.
                """),
        .poolNearlyFull: FindingGuide(
            meaning: "More than nine tenths of a pool are in use.",
            detection: "`zpool list` is asked for `capacity`.",
            remedy: """
                `zfs list -o space -s used -r POOL` shows what takes the room. Destroy old snapshots, or add devices. A full pool \
                takes neither a snapshot nor a commit.
                """),
        .folderVolatile: FindingGuide(
            meaning: "`state_dir` or `overlay_dir` is on a file system in memory, such as a tmpfs.",
            detection: "The type of the file system that holds the folder is read.",
            remedy: "Set the key to a folder on a disk. The folders that the package makes below `/var/lib` are."),
        .dumpsVolatile: FindingGuide(
            meaning: "`ram_dir` is on a file system in memory, and without `cold_storage` dumps stay there.",
            detection: "The type of the file system that holds the folder is read.",
            remedy: "Set `cold_storage` to a folder on a disk: then `ram_dir` in memory is only a fast way there."),
        .commitRoomLacking: FindingGuide(
            meaning: """
                While a snapshot exists, what guests write takes new space. A dataset has less than its VMs wrote into their \
                overlays during the last runs.
                """,
            detection: """
                What is available to the dataset, quotas included, is compared with the writes that the history has. Those of a VM \
                on several datasets count for the lowest dataset above all of them.
                """,
            remedy: """
                Free space, or raise the quota: `zfs get -r quota,refquota,reservation POOL` shows them. A commit that finds no \
                room leaves the VM on its overlay, and is tried again; nothing is lost.
                """),
        .fileUntrusted: FindingGuide(
            meaning: "A file or folder that root reads or runs can be changed by another user.",
            detection: "Owner and mode of each file, and of every folder above it, are read.",
            remedy: "The message has the command that takes it back, such as `chown root: FILE` or `chmod go-w FILE`."),
    ]
}
