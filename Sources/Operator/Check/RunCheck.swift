internal import Configuration
internal import Engine
internal import Hypervisor
internal import RunState
internal import Support

/// Open runs: whose they are, and whether they can be read.
struct RunCheck: CheckTheme {
    let site: CheckedSite
    var subject: String { "the open runs" }

    func findings() async throws -> [Finding] {
        try await blocking("reading the open runs", within: .seconds(60)) { try judge() }
    }

    private func judge() throws -> [Finding] {
        let directory = StateDirectory(site.configuration.stateDirectory)
        let recovery = Recovery(context: site.context, configuration: site.configuration, configurationPath: nil)
        return try directory.openRunIDs().compactMap { id in
            do {
                return try finding(of: try directory.read(id), recovery)
            } catch let error as StateError where error.code == .newerFormat {
                return Finding(.stateNewer, "\(error)", fix: "stillpoint recover, of the version that began it")
            } catch let error as StateError where error.code == .damaged {
                // Ended meanwhile.
                guard directory.isOpen(id) else { return nil }
                return Finding(.stateUnreadable, "\(error)")
            }
        }
    }

    private func finding(of run: Run, _ recovery: Recovery) throws -> Finding? {
        let held = run.machines.filter { $0.freezeState != nil }.map { printable($0.name) }.joined(separator: ", ")
        let name = "the run \(run.id)" + (held.isEmpty ? "" : " (\(held))")
        switch try recovery.status(of: run) {
        case .abandoned: return Finding(.runAbandoned, "\(name) was left open", fix: "stillpoint recover")
        case .ending:
            return Finding(
                .runNotEnded, "\(name) is open still, and its watchdog has not ended it", fix: "stillpoint recover")
        case .owned: return Finding(.runOpen, "\(name) is open: a process is at work on it")
        case .watched: return Finding(.runOpen, "\(name) is open: its watchdog waits for post-snapshot")
        case .awaited: return Finding(.runOpen, "\(name) is open: post-snapshot may come, and it has no watchdog")
        }
    }
}
