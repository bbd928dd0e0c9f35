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

    /// By the kernel's list of locks (proc_locks(5)): `1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`; nil: there is
    /// none, or it is not seen.
    package var process: Int32? {
        guard let inode = directory.lockFileNumber(run: run),
            let bytes = try? FileAccess.read("\(proc)/locks", limit: 16 << 20)
        else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            // A waiting one has an arrow in the second field.
            guard fields.count >= 6, fields[1] == "FLOCK",
                fields[5].split(separator: ":").last.map({ UInt64($0) }) == inode
            else { continue }
            return Int32(fields[4])
        }
        return nil
    }

    /// Whether it is stopped, by a signal or a terminal's Ctrl-Z.
    package var isStopped: Bool { process.flatMap { ProcessStatus(of: $0, proc: proc) }?.state == "T" }
}
