extension HookOptions {
    /// The help text of a hook.
    static func help(_ phase: Phase) -> String {
        """
        usage: \(phase.program) [-r] [options] DATASET@NAME…
               \(phase.program) [options] DATASET NAME      as zfs-auto-snapshot calls it
               \(phase.program) [options]                   with the variables of sanoid, zrepl or znapzend

        \(purpose(phase))

          -r, --recursive    the snapshot takes in the datasets below
          --config FILE      read FILE instead of /etc/stillpoint/stillpoint.conf
          --deadline S       the caller kills this hook after S seconds
          --dry-run          say what would be done, and do nothing
          -h, --help         show this text
          --version          show the version

        Exit status: 0 done; 1 the wanted consistency was not reached, all undone; 2 usage or configuration error,
        nothing touched; 3 something is left to do: the messages say what,
        stillpoint recover does it.
        """
    }

    private static func purpose(_ phase: Phase) -> String {
        switch phase {
        case .pre: "Freezes the virtual machines whose disks are on the dataset, just before its snapshot."
        case .post: "Releases the virtual machines whose disks are on the dataset, just after its snapshot."
        case .prune: "Deletes RAM dumps whose snapshots were destroyed."
        }
    }
}
