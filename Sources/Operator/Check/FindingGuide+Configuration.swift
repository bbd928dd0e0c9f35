internal import Hypervisor

extension FindingGuide {
    static let ofConfiguration: [FindingCode: FindingGuide] = [
        .datasetMissing: FindingGuide(
            meaning: "stillpoint.conf has a section for a dataset that is on no imported pool.",
            detection: "`zfs list` is asked for the dataset of each `[POOL/DATASET]` section.",
            remedy: """
                `zfs list -o name` shows the datasets that there are: correct the name. Remove the section when the dataset \
                is gone for good. When its pool is only away, import it: `zpool import POOL`.
                """),
        .datasetWithoutVM: FindingGuide(
            meaning: "The dataset is there, but no VM that a hypervisor tells of has a disk on it or below it.",
            detection: """
                The disks of all VMs are followed to their datasets. It is said only when every hypervisor has answered.
                """,
            remedy: """
                `stillpoint plan -r POOL/DATASET` shows which VMs are found. Where a datastore of vSphere is on the dataset, \
                say so in the section of its server: `datastore = NAME=POOL/DATASET`. Where another host's libvirt has it \
                under a path of its own, add a `path_map` line (docs/remote.md). Else remove the section.
                """),
        .patternUnmatched: FindingGuide(
            meaning: "A `[vm NAME]` or `[vm uuid:UUID]` section names a VM that no hypervisor has.",
            detection: """
                Names, titles and UUIDs of all VMs are compared with the section, when every hypervisor has answered. A name \
                that differs in a letter or two is suggested.
                """,
            remedy: """
                `virsh list --all --title` shows names and titles; upper and lower case count. Correct the section, or \
                remove it when the VM is gone.
                """),
        .wildcardUnmatched: FindingGuide(
            meaning: "No VM has a name or title that matches the pattern at the moment.",
            detection: "The same comparison as for a name without wildcards.",
            remedy: """
                Nothing, where the VMs are yet to come or come and go. Else correct the pattern: `*` is any text, `?` one \
                character, `[…]` one of several.
                """),
        .patternShadowed: FindingGuide(
            meaning: "Every VM that the section matches is matched by one further up, and the first one counts alone.",
            detection: "For each VM that the section matches, the first section of the file that matches it is taken.",
            remedy: """
                Put the narrower pattern first. `stillpoint plan DATASET` shows for each VM the line that counts.
                """),
        .typeMistyped: FindingGuide(
            meaning: "No snapshot is ever of the section's type, and a usual type has nearly the same name.",
            detection: """
                The name is compared with sanoid's types, with the usual labels of zfs-auto-snapshot, and with the snapshots \
                that runs have taken here.
                """,
            remedy: """
                Write the type as the snapshot manager does: `hourly`, `daily`, `weekly`, `monthly`, `yearly`, `frequently` \
                (sanoid), `frequent` (zfs-auto-snapshot). Lower case counts.
                """),
        .typeUnusual: FindingGuide(
            meaning: "The type is neither sanoid's nor a usual label of zfs-auto-snapshot.",
            detection: "The same comparison as for a mistyped one, without a near name.",
            remedy: """
                Nothing, where a hook or `stillpoint snapshot` is called with `--type NAME`, or zfs-auto-snapshot with \
                `--label=NAME`. Else correct or remove the section.
                """),
        .noHypervisorEnabled: FindingGuide(
            meaning: "Every `[hypervisor NAME]` section says `enabled = no`, so nobody is asked for VMs.",
            detection: "The sections are read.",
            remedy: """
                Set `enabled = yes` in the section of the hypervisor whose VMs shall be frozen, or remove all such sections: \
                then the libvirtd of this host is asked.
                """),
        .hypervisorDisabled: FindingGuide(
            meaning: "A `[hypervisor NAME]` section says `enabled = no`. Runs that are open there are still released.",
            detection: "The sections are read.",
            remedy: "Nothing, where it is meant, as during maintenance of that server. Else set `enabled = yes`."),
        .mappingUnused: FindingGuide(
            meaning: """
                A `path_map`, `datastore` or `lun` line translates a path or name that the hypervisor does not use.
                """,
            detection: """
                The disks of all domains are compared with each `path_map` line; the server's datastores and their extents \
                with each `datastore` and `lun` line.
                """,
            remedy: """
                Correct the line. `virsh -c URI domblklist VM` shows the paths of a VM of libvirt, the vSphere client the \
                names of its datastores (upper and lower case count) and their LUNs. Remove the line when the storage is gone.
                """),
        .configurationRefused: FindingGuide(
            meaning: """
                A line of stillpoint.conf is wrong, or the file cannot be read or may be changed by others than root. Nothing is \
                guessed: pre-snapshot refuses (exit code 2), and what the snapshot manager takes then is crash-consistent.
                """,
            detection: "The file is read as every run reads it; nothing else is looked at then.",
            remedy: """
                The finding has the file and the line, and what is valid there. Those whom `mail_to`, `webhook_url` and \
                `on_problem` name are told by the first pre-snapshot that met it, as far as those lines are right, and once a day.
                """),
        .managerConfigurationUnreadable: FindingGuide(
            meaning: """
                sanoid.conf has a mistake, is a file that others than root may change, or cannot be opened. It is read for \
                `recursive` and `script_timeout`, which sanoid does not tell its hooks.
                """,
            detection: "sanoid.conf of `sanoid_dir` is read as a hook under sanoid reads it.",
            remedy: """
                Correct what the message names. `chown root: /etc/sanoid/sanoid.conf` and `chmod go-w` take it back from \
                others. Where sanoid is started with `--configdir`, set `sanoid_dir` to that folder.
                """),
    ]
}
