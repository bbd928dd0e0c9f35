public import Glibc
internal import Support

/// What `zfs allow` has given to users on a dataset.
public struct Delegations: Sendable {
    /// Lines as `user web destroy,snapshot`, `group libvirt userprop`, `everyone mount`.
    let lines: [[String]]

    init(_ output: String) {
        lines = output.split(separator: "\n").map { $0.split { $0 == " " || $0 == "\t" }.map(String.init) }
    }

    /// Whether one of the grants to a user, a group or everyone has the permission, or a set of permissions (`@name`), which
    /// may have it.
    public func allows(_ permission: String, user: uid_t, groups: [gid_t]) -> Bool {
        let userNames = Self.names(user) { getpwuid($0)?.pointee.pw_name }
        let groupNames = groups.flatMap { group in Self.names(group) { getgrgid($0)?.pointee.gr_name } }
        return lines.contains { words in
            let rights = words.last?.split(separator: ",") ?? []
            guard rights.contains(where: { $0 == permission || $0.hasPrefix("@") }), let kind = words.first else {
                return false
            }
            switch kind {
            case "everyone": return true
            // `user (unknown: 62345) userprop` of one who has no name any more.
            case "user": return words.dropFirst().dropLast().contains { userNames.contains($0) }
            case "group": return words.dropFirst().dropLast().contains { groupNames.contains($0) }
            default: return false
            }
        }
    }

    private static func names(_ id: UInt32, _ name: (UInt32) -> UnsafeMutablePointer<CChar>?) -> [String] {
        let known = name(id).map { [String(cString: $0)] } ?? []
        return known + ["\(id)", "\(id))"]
    }
}

extension ZFSCommand {
    /// What is delegated on a dataset and above it; nil where this zfs does not tell, as zfs-fuse.
    public func delegations(on dataset: DatasetName) async throws(ZFSError) -> Delegations? {
        let outcome = try await run(["allow", dataset.rawValue])
        return outcome.exitStatus == 0 ? Delegations(outcome.output) : nil
    }
}
