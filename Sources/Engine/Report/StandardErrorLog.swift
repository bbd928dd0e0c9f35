internal import Glibc
internal import Logging
internal import Support
internal import SystemPackage

/// Log lines on standard error: `stillpoint: web01: quiesced`; under systemd with its `<N>` priorities (sd-daemon(3)).
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info
    private let hasPriorities: Bool

    init(environment: [String: String]) {
        hasPriorities = Self.isJournal(environment["JOURNAL_STREAM"], descriptor: STDERR_FILENO)
    }

    /// Whether the descriptor is the stream that the variable names (`DEVICE:INODE`, systemd.exec(5)).
    ///
    /// The variable is inherited also by what writes elsewhere: a terminal that was opened in a desktop session has it.
    static func isJournal(_ stream: String?, descriptor: Int32) -> Bool {
        var status = stat()
        guard let stream, fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        // A message can hold a VM's name or a file's: it must stay one line.
        let text = printable("\(event.message)", limit: 2000)
        let line = (hasPriorities ? "<\(event.level.priority)>" : "") + "stillpoint: \(text)\n"
        // Nobody is left to tell when standard error is closed.
        _ = try? FileDescriptor.standardError.writeAll(line.utf8)
    }

    /// A logger that writes here.
    static func logger(environment: [String: String]) -> Logger {
        Logger(label: "stillpoint") { _ in StandardErrorLog(environment: environment) }
    }
}

extension Logger.Level {
    /// syslog(3)'s number.
    var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
