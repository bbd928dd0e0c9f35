internal import Hypervisor

extension FindingGuide {
    static let ofHypervisors: [FindingCode: FindingGuide] = [
        .hypervisorUnreachable: FindingGuide(
            meaning: "A libvirtd, ESXi host or vCenter was asked for its VMs and gave no list.",
            detection: "Each enabled hypervisor is asked, as pre-snapshot asks it.",
            remedy: """
                The message says what was tried. On this host: `systemctl status libvirtd` (or `virtqemud`), and \
                `virsh -c qemu:///system list`. Over ssh, root's own login must work without a question: \
                `ssh -o BatchMode=yes root@HOST true`. For vSphere check `url`, the password file, and the certificate \
                against `thumbprint` or `ca_file` (docs/vsphere.md). Set `enabled = no` in its section when the server is away \
                for long.
                """),
        .nothingVisible: FindingGuide(
            meaning: "vSphere gave an empty inventory. To an account without rights it does so, and names no error.",
            detection: "The VMs that the account sees are counted.",
            remedy: """
                Give the account its role on the top of the inventory or on the datacenter, with "Propagate to children". \
                examples/esxi-nfs.conf names the privileges.
                """),
        .privilegesMissing: FindingGuide(
            meaning: "The account sees the VMs, and its role lacks what a strategy of theirs needs.",
            detection: """
                The server is asked for the account's privileges on each VM with a disk on a known dataset. Only those are \
                wanted that strategies in stillpoint.conf need.
                """,
            remedy: """
                Add the privileges that the message names to the role. docs/vsphere.md says which strategy needs which. Or \
                take the strategy out of the list.
                """),
        .datastoreUnmapped: FindingGuide(
            meaning: "A datastore is exported by this host, from a path or volume that is on no dataset.",
            detection: """
                An NFS datastore's server is one of this host's names and addresses, a VMFS extent one of its LIO LUNs, and \
                what is behind it is followed to its dataset.
                """,
            remedy: """
                Name the dataset in the server's section: `datastore = NAME=POOL/DATASET`, or for a LUN \
                `lun = naa.…=POOL/VOLUME`. Nothing is to be done where the datastore is not on ZFS: then leave it.
                """),
        .datastoreForeign: FindingGuide(
            meaning: "A datastore is on storage of another server, as far as can be seen from here.",
            detection: """
                Its NFS server has none of this host's names and addresses, or its LUN is none of this host's LIO target.
                """,
            remedy: """
                Nothing, where that is so. Where it is on this host after all (an address that a cluster moves, a target \
                other than LIO), name its dataset: `datastore = NAME=POOL/DATASET`.
                """),
        .datasetShared: FindingGuide(
            meaning: "Two or more datastores lead to one dataset.",
            detection: "The datasets of all datastores are compared.",
            remedy: """
                Give each datastore a dataset of its own. Where it is one export under two names, nothing is wrong; where it \
                is a slip in a `datastore` or `lun` line, correct that.
                """),
        .disksUnreadable: FindingGuide(
            meaning: "The server names the VM, but does not tell its disks.",
            detection: "The devices of each VM are read.",
            remedy: """
                A VM that is "inaccessible", "orphaned" or "disconnected" is repaired or unregistered in the vSphere client. \
                For others, see that the account's role reaches the VM's folder.
                """),
        .diskUnresolved: FindingGuide(
            meaning: "A VM writes to a disk, and it is not known on which dataset that disk is.",
            detection: """
                Each writable disk is followed through mounts, volumes, device-mapper, loop devices and backing files to its \
                dataset.
                """,
            remedy: """
                The message says where the way ended. Mount or import what is missing; for a disk of another host add a \
                `path_map` line. docs/disks.md has every shape of disk and what becomes of it.
                """),
        .diskRefused: FindingGuide(
            meaning:
                "The disk is on a snapshotted dataset, and a strategy of the VM wants an overlay, which it cannot have.",
            detection: "The definition and the header of each image are read, as pre-snapshot reads them.",
            remedy: """
                docs/disks.md has the shapes that are refused and what can be done about each. `strategy = freeze` needs no \
                overlay: the guest is frozen until the snapshot is taken. `strategy = crash-consistent` in a `[vm NAME]` \
                section accepts it as it is, and ends this finding.
                """),
    ]
}
