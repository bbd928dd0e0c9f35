internal import Support

/// What sanoid was given on its command line, read as Perl's Getopt::Long reads it where nothing is configured, which is how
/// sanoid calls it: options in any place and in either case, begun by `--`, `-` or `+`, and cut short as long as one option
/// alone begins so; the last of several counts (`FindOption` in it, and `GetOptions` in sanoid 2.0 to 2.3).
public struct SanoidArguments: Sendable {
    /// `--configdir` as it was given: absolute, or for the folder in which sanoid works; nil: it was not.
    public private(set) var configurationDirectory: String?

    private static let takingValue = ["configdir", "cache-dir", "run-dir", "cache-ttl"]
    private static let options =
        takingValue + [
            "verbose", "debug", "cron", "readonly", "quiet", "monitor-health", "force-update", "monitor-snapshots",
            "take-snapshots", "prune-snapshots", "force-prune", "monitor-capacity",
        ]

    /// - Parameter arguments: without the program's name.
    public init(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst(), argument != "--" {
            guard let (name, attached) = Self.option(argument), let option = Self.completed(name),
                Self.takingValue.contains(option), let value = attached ?? rest.popFirst()
            else { continue }
            // An empty one it refuses.
            if option == "configdir", !value.isEmpty { configurationDirectory = value }
        }
    }

    /// Of a process's whole command line, in which its interpreter stands before it (`/usr/bin/perl -w /usr/sbin/sanoid …`).
    ///
    /// - Parameter process: what the kernel calls the process, 15 bytes at most.
    /// - Returns: nil where that is not the program that the command line names.
    public init?(commandLine: [String], of process: String) {
        guard var rest = Optional(commandLine[...]), let program = rest.popFirst() else { return nil }
        if !Self.isNamed(program, process) {
            rest = rest.drop { $0.utf8.first == UInt8(ascii: "-") }
            guard let script = rest.popFirst(), Self.isNamed(script, process) else { return nil }
        }
        self.init(Array(rest))
    }

    private static func isNamed(_ path: String, _ process: String) -> Bool {
        Array((path.split(separator: "/").last ?? "").utf8.prefix(15)) == Array(process.utf8)
    }

    private static func option(_ argument: String) -> (name: String, value: String?)? {
        guard let prefix = ["--", "-", "+"].first(where: { argument.hasPrefix($0) }), argument != prefix else {
            return nil
        }
        let text = argument.dropFirst(prefix.count)
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return (String(text), nil) }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// The option that a word means; nil where it means none, or one of several.
    private static func completed(_ word: String) -> String? {
        let word = word.lowercased()
        if options.contains(word) { return word }
        let found = options.filter { $0.hasPrefix(word) }
        return found.count == 1 ? found[0] : nil
    }
}
