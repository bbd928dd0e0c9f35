package import Hypervisor
internal import Support

/// The PATTERN of `[vm PATTERN]`.
package enum VMPattern: Sendable, Hashable, CustomStringConvertible {
    /// A shell pattern (fnmatch(3)) for the VM's name or title.
    case name(String)
    /// A UUID: 32 hexadecimal digits in lower case.
    case uuid(String)

    private static let uuidPrefix = "uuid:"

    /// As it would stand in the section's name.
    package var description: String {
        switch self {
        case .name(let pattern): pattern
        case .uuid(let uuid): Self.uuidPrefix + uuid
        }
    }

    /// As it stands in the section's name.
    init(_ text: String) throws(BadValue) {
        guard text.hasPrefix(Self.uuidPrefix) else {
            if let wanted = ShellPattern(text).fault { throw BadValue(wanted: wanted) }
            self = .name(text)
            return
        }
        guard let uuid = Self.plain(text.dropFirst(Self.uuidPrefix.count).trimmed()) else {
            throw BadValue(
                wanted: "is no UUID; write [vm uuid:c0ffee00-0000-4000-8000-000000000001], or for a VM whose name "
                    + "begins with uuid: [vm [u]\(printable(String(text.dropFirst())))]")
        }
        self = .uuid(uuid)
    }

    /// Whether it is for VMs that come and go: that there is none now is no mistake.
    package var hasWildcard: Bool {
        if case .name(let pattern) = self { ShellPattern(pattern).hasWildcard } else { false }
    }

    /// Whether the VM is meant.
    package func includes(_ machine: VirtualMachine) -> Bool {
        switch self {
        case .name(let pattern):
            matches(machine.name, pattern: pattern)
                || machine.title.map { matches($0, pattern: pattern) } == true
        case .uuid(let uuid): ([machine.id] + machine.uuids).contains { Self.plain($0) == uuid }
        }
    }

    /// Of those names the one that is most like it, if any is near enough to be meant.
    package func nearestName(among names: [String]) -> String? {
        guard case .name(let pattern) = self else { return nil }
        let plain = pattern.filter { !"*?[]\\".contains($0) }
        guard !plain.isEmpty else { return nil }
        // `bd*` means `db01`, of which it is a beginning.
        let isBeginning = pattern.last == "*"
        let beginnings = names.map { isBeginning ? String($0.prefix(plain.count)) : $0 }
        // Of a short name nearly every other one is two letters off.
        let likely = beginnings.filter { name in
            let distance = editDistance(plain, name)
            return distance * 2 < min(plain.count, name.count) || distance == 2 && plain.sorted() == name.sorted()
        }
        guard plain.count > 2, let found = nearest(to: plain, among: likely) else { return nil }
        return zip(beginnings, names).first { $0.0 == found }?.1
    }

    /// The digits of a UUID, with dashes in their places or without any; nil for anything else.
    private static func plain(_ text: String) -> String? {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        guard digits.count == 32, text.utf8.count == 32 || text.utf8.count == 36,
            digits.allSatisfy({
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 | 0x20
            })
        else { return nil }
        return String(decoding: digits, as: UTF8.self).lowercased()
    }
}
