internal import Glibc
internal import Support

/// As whom libvirt runs the QEMU of this host's VMs, and which folders that user can enter.
///
/// libvirt gives an overlay to that user, and the folders above it to nobody.
struct QEMUUser: Sendable {
    private static let configuration = "/etc/libvirt/qemu.conf"
    private static let run = "/run/libvirt/qemu"
    /// As distributions call it.
    private static let usual = ["libvirt-qemu", "qemu"]
    /// Where Linux keeps a folder's ACL (`linux/posix_acl_xattr.h`).
    private static let accessList = "system.posix_acl_access"

    /// Nil: it is not known, and what others may counts.
    let id: uid_t?
    private let groups: Set<gid_t>

    /// `libvirt-qemu`, or its number.
    var name: String {
        guard let id else { return "the user that QEMU runs as" }
        guard let entry = getpwuid(id), let name = entry.pointee.pw_name else { return "\(id)" }
        return String(cString: name)
    }

    /// What is configured, else what a running QEMU has, else the distribution's.
    init(of host: CheckedHost) {
        let words = Self.settings(host)
        id =
            words["user"].flatMap(Self.number(ofUser:)) ?? Self.running(host)
            ?? Self.usual.lazy.compactMap(Self.number(ofUser:)).first
        var groups = Set(id.map(Self.groups(of:)) ?? [])
        if let group = words["group"].flatMap(Self.number(ofGroup:)) { groups.insert(group) }
        self.groups = groups
    }

    /// Of the folders on the way to that one, and itself, each that cannot be entered, with the command that helps.
    func closedFolders(to path: String) -> [(folder: String, fix: String)] {
        var folders = Self.way(to: path)
        if let real = try? FileAccess.realPath(path) { folders += Self.way(to: real).filter { !folders.contains($0) } }
        return folders.compactMap { folder in fix(for: folder).map { (folder, $0) } }
    }

    /// `/`, `/a`, `/a/b`
    private static func way(to path: String) -> [String] {
        var folders: [String] = []
        var folder = path
        while folder != "/", !folder.isEmpty {
            folders.insert(folder, at: 0)
            folder = FileAccess.parent(folder)
        }
        return ["/"] + folders
    }

    /// Nil: it can be entered, or is not there.
    private func fix(for folder: String) -> String? {
        guard let status = FileAccess.status(folder) else { return nil }
        let quoted = shellQuoted(folder)
        if let list = Self.accessList(of: folder) {
            guard !allows(list, status) else { return nil }
            return id == nil ? "chmod o+x \(quoted)" : "setfacl -m u:\(name):x \(quoted)"
        }
        let (bit, word) =
            status.st_uid == id ? (S_IXUSR, "u") : groups.contains(status.st_gid) ? (S_IXGRP, "g") : (S_IXOTH, "o")
        return status.st_mode & mode_t(bit) == 0 ? "chmod \(word)+x \(quoted)" : nil
    }

    // MARK: access lists

    private typealias Entry = (tag: UInt16, rights: UInt16, id: UInt32)

    /// Nil where the folder has none.
    private static func accessList(of folder: String) -> [Entry]? {
        guard let bytes = FileAccess.attribute(accessList, of: folder), bytes.count > 4 else { return nil }
        func number(_ place: Int, _ length: Int) -> UInt32 {
            (0..<length).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * $1) }
        }
        return stride(from: 4, to: bytes.count - 7, by: 8).map {
            (UInt16(number($0, 2)), UInt16(number($0 + 2, 2)), number($0 + 4, 4))
        }
    }

    /// acl(5), "ACCESS CHECK ALGORITHM".
    private func allows(_ list: [Entry], _ status: stat) -> Bool {
        func all(_ tag: UInt16) -> [Entry] { list.filter { $0.tag == tag } }
        func may(_ entries: [Entry]) -> Bool { entries.contains { $0.rights & 1 != 0 } }
        let isMasked = !all(0x10).isEmpty && !may(all(0x10))
        if status.st_uid == id { return may(all(0x01)) }
        if let own = all(0x02).first(where: { $0.id == id }) { return may([own]) && !isMasked }
        let shared =
            (groups.contains(status.st_gid) ? all(0x04) : []) + all(0x08).filter { groups.contains($0.id) }
        return shared.isEmpty ? may(all(0x20)) : may(shared) && !isMasked
    }

    // MARK: who it is

    /// `user = "libvirt-qemu"`; the last line counts.
    private static func settings(_ host: CheckedHost) -> [String: String] {
        let bytes = (try? FileAccess.read(host.root + configuration, limit: 1 << 20)) ?? []
        var settings: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmed() }
            guard parts.count == 2, ["user", "group"].contains(parts[0]), let quote = parts[1].first,
                quote == "\"" || quote == "'"
            else { continue }
            settings[parts[0]] = String(parts[1].dropFirst().prefix { $0 != quote })
        }
        return settings
    }

    private static func running(_ host: CheckedHost) -> uid_t? {
        let folder = host.root + run
        for name in FileAccess.names(in: folder) where name.hasSuffix(".pid") {
            guard let text = try? FileAccess.read("\(folder)/\(name)", limit: 64),
                let id = Int32(String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)),
                let status = try? FileAccess.read("/proc/\(id)/status", limit: 1 << 16)
            else { continue }
            let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("Uid:") }
            let numbers = line?.split { $0 == "\t" || $0 == " " }.compactMap { uid_t($0) } ?? []
            if numbers.count > 1 { return numbers[1] }
        }
        return nil
    }

    /// Of a name, or a number with `+` before it or without.
    private static func number(ofUser name: String) -> uid_t? {
        if let entry = getpwnam(name) { return entry.pointee.pw_uid }
        return uid_t(name.hasPrefix("+") ? name.dropFirst() : name[...])
    }

    private static func number(ofGroup name: String) -> gid_t? {
        if let entry = getgrnam(name) { return entry.pointee.gr_gid }
        return gid_t(name.hasPrefix("+") ? name.dropFirst() : name[...])
    }

    private static func groups(of id: uid_t) -> [gid_t] {
        guard let entry = getpwuid(id), let name = entry.pointee.pw_name else { return [] }
        var count: Int32 = 256
        var groups = [gid_t](repeating: 0, count: Int(count))
        guard getgrouplist(name, entry.pointee.pw_gid, &groups, &count) >= 0 else { return [entry.pointee.pw_gid] }
        return Array(groups.prefix(Int(count)))
    }
}
