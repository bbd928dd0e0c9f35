package import Glibc
internal import Support

/// Whose rights a process has.
package struct ProgramUser: Sendable {
    /// The effective user.
    package let id: uid_t
    private let asks: @Sendable (_ path: String, _ rights: Int32) -> Bool
    private let hasReach: @Sendable (_ path: String) -> Bool

    package init(
        id: uid_t, may asks: @escaping @Sendable (_ path: String, _ rights: Int32) -> Bool,
        reaches hasReach: @escaping @Sendable (_ path: String) -> Bool
    ) {
        self.id = id
        self.asks = asks
        self.hasReach = hasReach
    }

    package static let ofThisProcess = ProgramUser(
        id: geteuid(), may: { faccessat(AT_FDCWD, $0, $1, AT_EACCESS) == 0 },
        reaches: { path in
            guard let status = FileAccess.status(path) else { return true }
            return status.st_uid == geteuid() || overridesRights
        })

    /// CAP_DAC_OVERRIDE (linux/capability.h), as root has it.
    private static var overridesRights: Bool {
        let text = (try? FileAccess.read("/proc/self/status", limit: 1 << 16)) ?? []
        let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        return line.flatMap { UInt64($0.dropFirst("CapEff:".count).drop { !$0.isHexDigit }, radix: 16) }
            .map { $0 & 1 << 1 != 0 } ?? false
    }

    /// - Parameter rights: of `R_OK`, `W_OK` and `X_OK`.
    package func may(_ rights: Int32, _ path: String) -> Bool { asks(path, rights) }

    /// Whether it may open what the owner of that file makes, whatever its mode.
    package func reaches(_ path: String) -> Bool { hasReach(path) }

    /// Whether it may write there, or make what is missing on the way there.
    package func mayMake(_ folder: String) -> Bool {
        var path = folder
        while path != "/", FileAccess.status(path) == nil { path = FileAccess.parent(path) }
        return may(W_OK | X_OK, path)
    }

    /// Its name, for a command; its number where it has none.
    package var name: String {
        guard let entry = getpwuid(id), let name = entry.pointee.pw_name else { return "\(id)" }
        return String(cString: name)
    }
}

/// What a user may not, and a run needs; nothing has been touched.
package struct MissingRightsError: Error, CustomStringConvertible {
    package let description: String

    /// - Parameter missing: what the user may not, in words that follow "may not".
    package init(_ user: ProgramUser, missing: [String]) {
        description =
            "the user \(user.name) (\(user.id)) may not \(missing.joined(separator: "; may not ")). Nothing was touched; have "
            + "the snapshot manager and its hooks run as root (systemctl edit its service: User=root, DynamicUser=no; "
            + "NixOS: hooks/nixos in the documentation)"
    }
}
