package import Glibc
internal import Support

/// Whose rights a process has.
package struct ProgramUser: Sendable {
    /// The effective user.
    package let id: uid_t
    private let asks: @Sendable (_ path: String, _ rights: Int32) -> Bool

    package init(id: uid_t, may asks: @escaping @Sendable (_ path: String, _ rights: Int32) -> Bool) {
        self.id = id
        self.asks = asks
    }

    package static let ofThisProcess = ProgramUser(id: geteuid()) { faccessat(AT_FDCWD, $0, $1, AT_EACCESS) == 0 }

    /// - Parameter rights: of `R_OK`, `W_OK` and `X_OK`.
    package func may(_ rights: Int32, _ path: String) -> Bool { asks(path, rights) }

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

    /// - Parameters:
    ///   - missing: what the user may not, in words that follow "may not".
    ///   - fixes: a command for each that there is one for.
    package init(_ user: ProgramUser, missing: [String], fixes: [String]) {
        let commands = fixes.isEmpty ? "" : ", or give it all of that: \(fixes.joined(separator: "; "))"
        description =
            "the user \(user.name) (\(user.id)) may not \(missing.joined(separator: "; may not ")). Nothing was touched; have the snapshot manager "
            + "and its hooks run as root (systemctl edit its service: User=root, DynamicUser=no; NixOS: "
            + "hooks/nixos in the documentation)\(commands)"
    }
}
