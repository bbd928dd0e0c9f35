/// What a hook's exit code means; docs/exit-codes.md documents them.
package enum ExitCode: Int32, Sendable {
    case done = 0
    /// The wanted consistency was not reached and `on_failure = abort`; all was undone.
    case notConsistent = 1
    /// Wrong usage or configuration; nothing was touched.
    case usage = 2
    /// Something still needs recovery.
    case needsRecovery = 3
}
