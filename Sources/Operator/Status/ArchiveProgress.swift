internal import RunState
internal import Support

/// How far the process that moves RAM dumps to cold storage has come.
///
/// The kernel tells how far a file has been read (proc_pid_fdinfo(5), `pos`), also of another process's: nothing has to be
/// written down for it, and nothing is left of one that was killed.
struct ArchiveProgress: Sendable {
    let catalogue: Catalogue
    let proc: String

    /// What waits, and what is being moved.
    func report() -> StatusReport.Archive {
        var report = StatusReport.Archive()
        var dumps: [String: (machine: RestorePointVM, dump: StoredDump, run: RunID)] = [:]
        for run in catalogue.runsToArchive() {
            guard let point = try? catalogue.read(run) else { continue }
            for machine in point.machines {
                guard let dump = machine.dump, dump.packed == nil else { continue }
                report.waiting += 1
                report.waitingBytes += dump.bytes
                if let problem = dump.problem { report.problems.append("\(machine.name): \(problem)") }
                dumps[dump.path] = (machine, dump, run)
            }
        }
        guard !dumps.isEmpty, let process = catalogue.archiver(proc: proc) else { return report }
        for name in FileAccess.names(in: "\(proc)/\(process)/fd") {
            guard let path = FileAccess.linkText("\(proc)/\(process)/fd/\(name)"),
                let (machine, dump, run) = dumps[path]
            else { continue }
            report.moving = StatusReport.Move(
                vm: machine.name, run: run.text, path: path, bytesDone: min(dump.bytes, position(name, process)),
                bytes: dump.bytes, process: process)
        }
        return report
    }

    private func position(_ descriptor: String, _ process: Int32) -> UInt64 {
        let text = (try? FileAccess.read("\(proc)/\(process)/fdinfo/\(descriptor)", limit: 4096)) ?? []
        let line = text.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: "pos:".utf8) }
        return line.flatMap { UInt64(String(decoding: $0.dropFirst(4), as: UTF8.self).trimmed()) } ?? 0
    }
}
