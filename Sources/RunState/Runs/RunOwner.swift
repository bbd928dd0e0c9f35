internal import Support

/// The process that works on a run: it holds the run's lock.
package struct RunOwner: Sendable {
    package let run: RunID
    package let directory: StateDirectory
    package let proc: String

    package init(run: RunID, directory: StateDirectory, proc: String) {
        self.run = run
        self.directory = directory
        self.proc = proc
    }

    /// Nil: there is none, or it is not seen.
    package var process: Int32? { directory.lockFileNumber(run: run).flatMap { processLocking($0, proc: proc) } }

    /// Whether it is stopped, by a signal or a terminal's Ctrl-Z.
    package var isStopped: Bool { process.flatMap { ProcessStatus(of: $0, proc: proc) }?.state == "T" }
}
