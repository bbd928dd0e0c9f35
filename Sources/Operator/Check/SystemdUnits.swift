internal import Support

/// What systemd says of units; see systemctl(1), `show`.
struct SystemdUnits: Sendable {
    private static let properties = [
        "Id", "LoadState", "UnitFileState", "TimeoutStartUSec", "User", "DynamicUser", "ProtectSystem",
        "ReadWritePaths",
        "PrivateDevices",
    ]

    private var units: [String: [String: String]] = [:]

    /// - Returns: nil where no systemd runs, or it does not answer within ten seconds.
    init?(_ names: [String], of host: CheckedHost) async {
        guard host.hasSystemd, let program = host.program("systemctl") else { return nil }
        let arguments = ["show", "--property=" + Self.properties.joined(separator: ",")] + names
        guard
            let outcome = try? await ChildProcess.run(
                program, arguments, within: .seconds(10), outputLimit: 1 << 20)
        else { return nil }
        self.init(String(decoding: outcome.output, as: UTF8.self))
    }

    /// Blocks of `NAME=VALUE` with an empty line between them.
    init(_ text: String) {
        var unit: [String: String] = [:]
        for line in "\(text)\n\n".split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty {
                if let name = unit["Id"] { units[name] = unit }
                unit = [:]
            } else if let equals = line.firstIndex(of: "=") {
                unit[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
        }
    }

    func isInstalled(_ unit: String) -> Bool { units[unit]?["LoadState"] == "loaded" }

    func isEnabled(_ unit: String) -> Bool {
        ["enabled", "enabled-runtime", "linked", "static", "alias", "indirect", "generated"]
            .contains(units[unit]?["UnitFileState"])
    }

    subscript(unit: String, property: String) -> String { units[unit]?[property] ?? "" }

    /// The seconds of a span as systemd writes it, `1min 30s`; nil where it has no end, or is none.
    static func seconds(_ span: String) -> Double? {
        let lengths: [(String, Double)] = [
            ("month", 2_629_800), ("min", 60), ("ms", 0.001), ("us", 0.000_001), ("w", 604_800), ("d", 86400),
            ("h", 3600), ("y", 31_557_600), ("s", 1),
        ]
        var sum = 0.0
        let parts = span.split(separator: " ")
        for part in parts {
            let unit = String(part.drop { $0.isNumber || $0 == "." })
            guard let length = lengths.first(where: { $0.0 == unit })?.1,
                let number = Double(part.dropLast(unit.count))
            else { return nil }
            sum += number * length
        }
        return parts.isEmpty ? nil : sum
    }
}
