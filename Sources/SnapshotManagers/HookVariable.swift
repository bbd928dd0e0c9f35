/// The environment variables by which managers tell their hooks what they are about to do.
///
/// Names and meanings are from sanoid 2.1 (`/usr/sbin/sanoid`), zrepl (`internal/daemon/hooks`) and znapzend's manual.
public enum HookVariable: String, Sendable, CaseIterable {
    /// The dataset, or the first of several.
    case sanoidTarget = "SANOID_TARGET"
    /// All datasets, with commas; since 2.1.
    case sanoidTargets = "SANOID_TARGETS"
    /// The first snapshot: its bare name in pre, `dataset@name` in post, either in prune.
    case sanoidSnapname = "SANOID_SNAPNAME"
    /// The bare names of all snapshots, with commas; since 2.1. Not changed when a snapshot is renamed.
    case sanoidSnapnames = "SANOID_SNAPNAMES"
    /// The types of the snapshots, with commas: `daily,hourly`; since 2.1.
    case sanoidTypes = "SANOID_TYPES"
    /// `pre`, `post` or `prune`; since 2.1, and not set for `pre_pruning_script`.
    case sanoidScript = "SANOID_SCRIPT"
    /// `1` in post when pre failed and `force_post_snapshot_script` is set.
    case sanoidPreFailure = "SANOID_PRE_FAILURE"
    /// `pre_snapshot` or `post_snapshot`.
    case zreplHookType = "ZREPL_HOOKTYPE"
    /// The dataset.
    case zreplFileSystem = "ZREPL_FS"
    /// The snapshot's bare name.
    case zreplSnapname = "ZREPL_SNAPNAME"
    /// Seconds until zrepl kills the hook.
    case zreplTimeout = "ZREPL_TIMEOUT"
    /// `true` when zrepl only tries out, else set and empty (`NewHookEnv` in `hook_type_command.go`).
    case zreplDryRun = "ZREPL_DRYRUN"
    /// `dataset@name`. Beside it `ZNAP_TIME` has the time that the name was made of, in seconds since 1970.
    case znapName = "ZNAP_NAME"
}
