/// How one VM is frozen; the raw value is the word in the configuration.
public enum Strategy: Sendable, Hashable {
    /// Disks and RAM of one instant: a live dump of the guest's memory while its disks move to overlays.
    case memory
    /// Guest file systems frozen through the agent while the disks move to overlays.
    case quiesce
    /// Guest file systems frozen through the agent from pre-snapshot to post-snapshot; the disks stay where they are.
    case freeze
    /// The VM is shut down by pre-snapshot and started by post-snapshot.
    case shutdown
    /// The processors stand still from pre-snapshot to post-snapshot; nothing is flushed.
    case pause
    /// A program of the administrator's own does it.
    case exec(path: String)
    /// Nothing is done to the VM; the snapshot holds what a power cut would leave.
    case crashConsistent
    /// The VM is left out, of the report too.
    case ignore

    /// Those that are a word and nothing else, in the order in which they are listed.
    public static let words: [Strategy] = [
        .memory, .quiesce, .freeze, .shutdown, .pause, .crashConsistent, .ignore,
    ]

    /// Whether a VM may be left otherwise than it was, so that something must put it back.
    public var changesMachine: Bool { self != .crashConsistent && self != .ignore }

    /// Whether the guest stands still, on its own disks, until the snapshot has been taken.
    public var freezesOrPauses: Bool { self == .freeze || self == .pause }

    /// When a VM's turn comes among all of a run, from 0: a guest that stands still waits for no other VM.
    public var turn: Int {
        switch self {
        case .memory, .quiesce, .shutdown, .crashConsistent, .ignore: 0
        case .exec: 1
        case .freeze, .pause: 2
        }
    }

    /// The last one.
    public static let lastTurn = 2

    /// The program's path (`exec:PATH`).
    public var program: String? {
        if case .exec(let path) = self { path } else { nil }
    }

    /// Whether disks move to overlays, or a server takes a VM snapshot.
    public var movesDisks: Bool { self == .memory || self == .quiesce }
}

extension Strategy: RawRepresentable {
    private static let execPrefix = "exec:"

    /// `quiesce`; `exec:/usr/local/sbin/freeze-app`.
    public var rawValue: String {
        switch self {
        case .memory: "memory"
        case .quiesce: "quiesce"
        case .freeze: "freeze"
        case .shutdown: "shutdown"
        case .pause: "pause"
        case .exec(let path): Self.execPrefix + path
        case .crashConsistent: "crash-consistent"
        case .ignore: "ignore"
        }
    }

    /// The strategy of that word; `exec:` needs an absolute path behind it.
    public init?(rawValue: String) {
        if let word = Self.words.first(where: { $0.rawValue == rawValue }) {
            self = word
        } else if rawValue.hasPrefix("\(Self.execPrefix)/") {
            self = .exec(path: String(rawValue.dropFirst(Self.execPrefix.count)))
        } else {
            return nil
        }
    }
}

extension Strategy: Codable {
    /// From its word.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let word = try container.decode(String.self)
        guard let strategy = Strategy(rawValue: word) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no strategy is called so")
        }
        self = strategy
    }

    /// As its word.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}
