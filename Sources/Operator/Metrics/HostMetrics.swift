internal import Configuration
internal import Engine
internal import RunState

/// What is read of this host's state each time.
struct HostMetrics: Sendable, Equatable {
    var openRuns: Int64 = 0
    /// When the oldest of them began, in seconds since 1970.
    var oldestOpenRun: Int64?
    var abandonedRuns: Int64 = 0
    var backlogRuns: Int64 = 0
    var backlogBytes: Int64 = 0
}

extension HostMetrics {
    /// - Parameter open: the ids of the open runs.
    init(_ configuration: Configuration, _ context: ProgramContext, open: [RunID]) {
        let recovery = Recovery(context: context, configuration: configuration, configurationPath: nil)
        let directory = StateDirectory(configuration.stateDirectory)
        for id in open {
            let run: Run
            do {
                run = try directory.read(id)
            } catch {
                // It has ended meanwhile, or says nothing: nobody will end that one.
                guard directory.isOpen(id) else { continue }
                abandonedRuns += 1
                add(id)
                continue
            }
            if run.kind != .restore { add(id) }
            if (try? recovery.status(of: run)) == .abandoned { abandonedRuns += 1 }
        }
        let catalogue = Catalogue(directory)
        for run in catalogue.runsToArchive() {
            backlogRuns += 1
            let waiting = ((try? catalogue.read(run))?.machines ?? []).compactMap(\.dump).filter { $0.packed == nil }
            for dump in waiting { backlogBytes &+= Int64(clamping: dump.bytes) }
        }
    }

    private mutating func add(_ id: RunID) {
        openRuns += 1
        if let time = id.time { oldestOpenRun = min(oldestOpenRun ?? time, time) }
    }
}
