package import Configuration
internal import Glibc
internal import Hypervisor
internal import Logging
package import RunState
internal import Support

/// Leaves in the outbox what somebody is to be told, and starts `stillpoint notify`, which tells it. Nobody waits for that, and
/// what cannot be left there is said in the log and no more.
package struct RunNotice: Sendable {
    private let context: ProgramContext
    private let configuration: Configuration
    private let configurationPath: String?

    package init(_ context: ProgramContext, _ configuration: Configuration, _ configurationPath: String?) {
        self.context = context
        self.configuration = configuration
        self.configurationPath = configurationPath
    }

    private var settings: NotificationSettings { configuration.notifications }
    private var outbox: Outbox { Outbox(StateDirectory(configuration.stateDirectory)) }

    /// Of a run, when its VMs are released.
    /// - Parameter phase: the run's before it was released by whoever tells: one that a post-snapshot has begun to release
    ///   before was not released early.
    package func tell(
        _ run: Run, _ ending: OutboxEntry.Ending, asFoundIn phase: Run.Phase? = nil, _ reasons: [String] = []
    ) async {
        guard settings.isWanted, run.kind == .snapshots else { return }
        var reasons = reasons
        if let early = run.earlyRelease, phase != .releasing {
            reasons.append("the VMs were released before the snapshot was known to be taken: \(early.reason)")
        }
        await tell(OutboxEntry(run, ending, ended: Int64(time(nil)), reasons: reasons))
    }

    /// Of what is no run: a pre-snapshot that could not do its work, a hypervisor that did not answer it.
    /// - Parameter isAwaited: false where VMs stand still: who tells of their run starts the sender.
    package func tell(_ entry: OutboxEntry, startingSender isAwaited: Bool = true) async {
        guard settings.isWanted(ofProblem: entry.isProblem) else {
            // What pre-snapshot has left there, or what could not be sent before, is told all the same.
            if isAwaited { await startSender() }
            return
        }
        do {
            let addition = try await blocking("writing to \(outbox.folder)", within: .seconds(2)) { [outbox] in
                try outbox.add(entry)
            }
            for name in addition.dropped {
                context.log.error("\(outbox.folder) was full: its oldest report, \(name), is dropped and was not sent")
            }
        } catch {
            context.log.warning("nobody is told of this, since \(outbox.folder) cannot be written: \(error)")
            return
        }
        if isAwaited { await startSender() }
    }

    /// Where there is something to send, and nobody sends.
    package func startSender() async {
        guard settings.isWanted, let executable = context.executable else { return }
        let isNeeded = try? await blocking("reading \(outbox.folder)", within: .seconds(2)) { [outbox] in
            !outbox.names.isEmpty && !outbox.isBeingSent
        }
        guard isNeeded == true else { return }
        let sender = BackgroundCommand(
            command: "notify", options: ["--background"], title: "reports", otherwise: "reports are not sent yet",
            executable: executable,
            environment: context.environment, log: context.log, timeout: .seconds(1))
        await sender.launch(configuration: configurationPath)
    }

    /// The configuration is right, and these hypervisors have answered.
    package func withdraw(unanswered hypervisors: [String]) async {
        guard settings.isWanted else { return }
        let topics = hypervisors.map { OutboxEntry.topic(unanswered: $0) } + [OutboxEntry.misconfiguredTopic]
        try? await blocking("reading \(outbox.folder)", within: .seconds(2)) { [outbox] in outbox.withdraw(topics) }
    }
}
