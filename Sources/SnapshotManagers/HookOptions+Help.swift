extension HookOptions {
    /// The help text of a hook.
    static func help(_ phase: Phase) -> String {
        """
        \(usage(phase))

        \(purpose(phase))

        \(phase == .prune ? "" : "  -r, --recursive    the snapshot takes in the datasets below\n")\
          --config FILE      read FILE instead of /etc/stillpoint/stillpoint.conf
        \(phase == .prune ? "" : "  --deadline S       the caller kills this hook after S seconds\n")\
        \(phase == .pre ? "  --type NAME        the snapshot's type, such as daily, for [type NAME]; several between commas\n" : "")\
          --dry-run          say what would be done, and do nothing
          -h, --help         show this text
          --version          show the version

        Exit status: 0 done; \(failures(phase))
        """
    }

    private static func usage(_ phase: Phase) -> String {
        let byHand = "usage: \(phase.program) \(phase == .prune ? "" : "[-r] ")[options] DATASET@NAME…"
        guard phase != .prune else {
            return """
                \(byHand)
                       \(phase.program) [options]                   with the variables of sanoid
                """
        }
        return """
            \(byHand)
                   \(phase.program) [options] DATASET NAME      as zfs-auto-snapshot calls it (NAME ends in a time)
                   \(phase.program) [-r] [options] DATASET…     as zfs-autobackup calls it (names its snapshots later)
                   \(phase.program) [options]                   with the variables of sanoid, zrepl or znapzend
            """
    }

    private static func purpose(_ phase: Phase) -> String {
        switch phase {
        case .pre: "Freezes the virtual machines whose disks are on the dataset, just before its snapshot."
        case .post: "Releases the virtual machines whose disks are on the dataset, just after its snapshot."
        case .prune: "Deletes RAM dumps whose snapshots were destroyed."
        }
    }

    /// docs/exit-codes.md has more of each.
    private static func failures(_ phase: Phase) -> String {
        switch phase {
        case .pre:
            """
            1 the wanted consistency was not reached, all undone; 2 usage or configuration error,
            nothing touched; 3 something is left to do: the messages say what, stillpoint recover does it.
            """
        case .post:
            """
            1 all is released, but the snapshot was never taken; 2 usage or configuration error,
            nothing touched; 3 something is left to do: the messages say what, stillpoint recover does it.
            """
        case .prune:
            """
            2 usage or configuration error, nothing deleted; 3 a dump could not be deleted:
            stillpoint prune --orphans tries again.
            """
        }
    }
}
