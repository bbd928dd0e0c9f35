package import Configuration
package import Engine
internal import Glibc
internal import Logging
internal import RunState
internal import Support
internal import SystemPackage

/// node_exporter's textfile (`metrics_file`): made of the history, of the open runs and of what waits for cold storage.
package struct MetricsFile: Sendable {
    private let configuration: Configuration
    private let context: ProgramContext
    /// In seconds since 1970.
    private let now: Int64
    /// How long another process is waited for.
    private let lockTimeout: Duration

    private var directory: StateDirectory { StateDirectory(configuration.stateDirectory) }
    private var statePath: String { directory.path + "/metrics.json" }

    package init(_ configuration: Configuration, _ context: ProgramContext) {
        self.init(configuration, context, now: Int64(time(nil)))
    }

    init(_ configuration: Configuration, _ context: ProgramContext, now: Int64, lockTimeout: Duration = .seconds(30)) {
        self.configuration = configuration
        self.context = context
        self.now = now
        self.lockTimeout = lockTimeout
    }

    /// Writes it anew; nothing where none is wanted.
    /// - Throws: MetricsError, StateError.
    package func write() throws {
        guard let path = configuration.notifications.metricsFile else { return }
        try directory.prepare()
        try lock().withLock {
            let made = try make()
            // Both, whatever becomes of the other: what was not kept is counted the next time.
            let kept = Result { try StateFile.write(made.state, to: statePath) }
            try publish(made.text, at: path)
            try kept.get()
        }
    }

    /// Its text; nothing is written.
    /// - Throws: StateError.
    package func text() throws -> String { try make().text }

    private func make() throws -> (state: MetricsState, text: String) {
        // Before the history: a run that ends meanwhile is in both rather than in none.
        let open = try directory.openRunIDs()
        var (state, isCounting) = try readState()
        state.update(from: RunHistory(directory), open: open, isCounting: isCounting, now: now)
        return (state, MetricsText(state, HostMetrics(configuration, context, open: open), now: now).text)
    }

    /// What was kept. Of a damaged file nothing is known but that there were counters: they begin at 0, and what the
    /// history has is not counted again, since Prometheus would take it for what happened now.
    /// - Throws: StateError `.newerFormat`.
    private func readState() throws -> (MetricsState, isCounting: Bool) {
        do throws(StateError) {
            let state = try StateFile.read(
                MetricsState.self, at: statePath, newest: MetricsState.format,
                fix: (damaged: "counters begin anew", newer: "move it away, and counters begin anew"))
            if state.frozen.isSound, state.paused.isSound { return (state, true) }
            context.log.warning("\(statePath) does not say what this version writes; counters begin anew")
        } catch {
            if error.cause as? Errno == .noSuchFileOrDirectory { return (MetricsState(), true) }
            guard error.code == .damaged else { throw error }
            context.log.warning("\(error)")
        }
        return (MetricsState(), false)
    }

    private func lock() throws -> FileLock {
        let end = ContinuousClock.now + lockTimeout
        let path = directory.path + "/metrics.lock"
        while true {
            do {
                if let lock = try FileLock(path: path) { return lock }
            } catch {
                throw MetricsError(description: "\(path) cannot be locked: \(error)")
            }
            guard ContinuousClock.now < end else {
                throw MetricsError(description: "the metrics are not written: another process has had \(path) for long")
            }
            usleep(50_000)
        }
    }

    private func publish(_ text: String, at path: String) throws {
        let (parent, name) = (FileAccess.parent(path), FileAccess.lastComponent(path))
        let trouble = "the metrics cannot be written to \(printable(path, limit: 300))"
        // Nor is a slip in the configuration to put it in the place of another program's file.
        guard name.hasSuffix(".prom") else {
            throw MetricsError(description: "\(trouble): node_exporter reads only names that end in .prom")
        }
        let folder: Folder
        do throws(Errno) {
            folder = try Folder(reaching: parent)
        } catch .noSuchFileOrDirectory {
            throw MetricsError(
                description:
                    "\(trouble): there is no folder \(printable(parent, limit: 300)); make it, or correct metrics_file")
        } catch .tooManySymbolicLinkLevels {
            throw MetricsError(
                description:
                    "\(trouble): on its way is a symbolic link that another user can change; name the folder itself")
        } catch {
            throw MetricsError(description: "\(trouble): \(error)")
        }
        do {
            try folder.publish(Array(text.utf8), as: name)
        } catch {
            throw MetricsError(description: "\(trouble): \(error)")
        }
    }
}

/// Why node_exporter's file is not written.
package struct MetricsError: Error, CustomStringConvertible {
    package let description: String
}
