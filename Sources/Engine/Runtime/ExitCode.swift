/// What the exit code of a program means; docs/exit-codes.md has it for each.
package enum ExitCode: Int32, Sendable {
    case done = 0
    /// Not done, and all is undone: the wanted consistency was not reached and `on_failure = abort`, a command failed, a
    /// check found a problem.
    case failed = 1
    /// Wrong usage or configuration; nothing was touched.
    case usage = 2
    /// Something still needs recovery.
    case needsRecovery = 3
}
