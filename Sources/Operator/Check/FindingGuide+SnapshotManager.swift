internal import Hypervisor

extension FindingGuide {
    static let ofSnapshotManager: [FindingCode: FindingGuide] = [
        .hooksMissing: FindingGuide(
            meaning: "sanoid snapshots a dataset with VMs, and its section has neither of the two hooks.",
            detection:
                "sanoid.conf is read as sanoid reads it, templates and defaults included, for each dataset with VMs.",
            remedy: """
                Add to the section or its template `pre_snapshot_script = /usr/lib/stillpoint/pre-snapshot`, \
                `post_snapshot_script = /usr/lib/stillpoint/post-snapshot` and `script_timeout = 120`. \
                hooks/sanoid/README.md has a whole sanoid.conf.
                """),
        .hookMissing: FindingGuide(
            meaning:
                "sanoid.conf has `pre_snapshot_script` or `post_snapshot_script` for a dataset, and not the other.",
            detection: "As for hooks that are missing.",
            remedy: "Add the line that is missing: the message has it."),
        .hookUnusable: FindingGuide(
            meaning: """
                The program that sanoid.conf names as a hook is not there, cannot be executed, or refuses the arguments that stand \
                behind it.
                """,
            detection: """
                The first word of the line is looked up, as the shell that sanoid calls does, and the words behind the hook's name \
                are read as the hook reads them.
                """,
            remedy: """
                The package has the hooks in `/usr/lib/stillpoint`, `make install` in `/usr/local/lib/stillpoint`. sanoid takes a \
                comment behind a value for part of it: put it on a line of its own.
                """),
        .managedDatasetMissing: FindingGuide(
            meaning: "A section of sanoid.conf has our hooks, and no dataset is called so.",
            detection: "The sections whose lines, templates included, name our hooks are compared with `zfs list`.",
            remedy: "Correct the section's name, or its `path`, or remove it."),
        .hookForeign: FindingGuide(
            meaning: "sanoid.conf names a program of somebody else's. It may be a wrapper that calls ours.",
            detection: "As for hooks that are missing; what a wrapper does is not looked into.",
            remedy: """
                Nothing, where it calls `pre-snapshot` or `post-snapshot`, with sanoid's variables, and gives back its exit code. \
                Else call them in it, or name ours.
                """),
        .scriptTimeoutShort: FindingGuide(
            meaning: """
                sanoid waits `script_timeout` seconds for a hook, 5 unless it is set. When they have passed it dies, and takes no \
                snapshot; so pre-snapshot gives up guests before that.
                """,
            detection: """
                The time is compared with what guests may need: `freeze_timeout`, `shutdown_timeout`, and the dump of RAM, as \
                strategies want them.
                """,
            remedy:
                "`script_timeout = 120` in sanoid.conf for most hosts, 300 with vSphere or RAM; the message says how much is needed."
        ),
        .failureIgnored: FindingGuide(
            meaning: """
                `on_failure = abort` wants no snapshot of a VM that could not be frozen. sanoid takes it all the same, unless \
                `no_inconsistent_snapshot` is set.
                """,
            detection: "The sections with `on_failure = abort` are compared with sanoid.conf.",
            remedy: "Add `no_inconsistent_snapshot = yes` for those datasets, or take `on_failure = abort` out."),
        .failureWithholdsSnapshot: FindingGuide(
            meaning: "With `on_failure = abort` and `no_inconsistent_snapshot` one VM decides for all on its dataset.",
            detection: "The same comparison.",
            remedy: """
                Nothing, where it is meant. Else give strict VMs a dataset of their own, or use `on_failure = continue`: the \
                snapshot then says which VM is `crash`.
                """),
        .postForced: FindingGuide(
            meaning: "sanoid calls post-snapshot also when pre-snapshot has failed.",
            detection: "sanoid.conf is read.",
            remedy: "Nothing: post-snapshot finds no run, and ends. The line may be removed."),
        .recursionContradicted: FindingGuide(
            meaning:
                "A `[POOL/DATASET]` section says `recursive`, and sanoid.conf says something else of that dataset.",
            detection: "Both are read.",
            remedy: """
                Leave `recursive` out of stillpoint.conf (`auto`): then what sanoid.conf says counts. It is only needed for managers \
                that do not tell.
                """),
        .pruningMissing: FindingGuide(
            meaning:
                "VMs are dumped with their RAM, sanoid prunes their snapshots, and nobody is told when one is gone.",
            detection: "`pruning_script` in sanoid.conf, and whether stillpoint-prune.timer is enabled.",
            remedy: """
                `pruning_script = /usr/lib/stillpoint/prune-snapshot` in sanoid.conf, or \
                `systemctl enable --now stillpoint-prune.timer`. What was missed is made up for by `stillpoint prune --orphans`.
                """),
        .templateMissing: FindingGuide(
            meaning: "A section's `use_template` names a template that sanoid.conf does not have.",
            detection: "sanoid.conf and its defaults are read.",
            remedy: "Correct the name, or write the section `[template_NAME]`."),
        .managerUnconfigured: FindingGuide(
            meaning: "sanoid is on this host, and its configuration is not where it is looked for.",
            detection: "`sanoid_dir` is searched for sanoid.conf.",
            remedy: """
                Nothing, where another manager takes the snapshots. Where sanoid is called with `--configdir DIR`, set \
                `sanoid_dir = DIR`.
                """),
        .datasetUnmanaged: FindingGuide(
            meaning: "A dataset with VMs is in no section of sanoid.conf, and has no mark of zfs-auto-snapshot.",
            detection: "sanoid.conf, and the property `com.sun:auto-snapshot`.",
            remedy:
                "Nothing, where zrepl, znapzend, zfs-autobackup or a script of yours takes its snapshots. Else add it."),
        .disksApart: FindingGuide(
            meaning: """
                A VM has disks on several datasets, which are snapshotted one after another, or one of them not at all, or are on \
                several pools.
                """,
            detection: "The datasets of each VM are compared with what sanoid takes in one go.",
            remedy: """
                Move the disks to one dataset. Or have the section of the dataset above both take them at one instant with \
                `recursive = zfs`, instead of sections of their own; where that section is new it needs a template and the hooks, too. \
                Disks on several pools can have no snapshot of one instant.
                """),
        .managerServiceUnfit: FindingGuide(
            meaning: "systemd confines sanoid.service in a way that keeps the hooks from their work.",
            detection: "The options of the unit are read from systemd.",
            remedy: """
                `systemctl edit sanoid.service`, and below `[Service]` the lines of the message. hooks/systemd/README.md says which \
                options are right, and which are not.
                """),
    ]
}
