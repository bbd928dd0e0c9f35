import Support

@testable import ZFS

/// What zfs prints of snapshots, with values that whoever owns a dataset chose.
func fuzzZFSOutput(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    // By bytes: as a character, a carriage return before it would be one with the line feed.
    let lines = Set(text.utf8.split(separator: UInt8(ascii: "\n")).map { String($0) ?? "" })
    let zfs = ZFSCommand(executable: "/nonexistent", environment: [:])
    if Delegations(text).allows("userprop", user: 1, groups: []) {
        invariant(text.has("userprop") || text.has("@"), "nobody was given the permission")
    }
    let listed = zfs.parse(text, AskedProperties(["userrefs", "stillpoint:run"]))
    invariant(Set(listed.map(\.name)).count == listed.count, "a snapshot is listed twice")
    for snapshot in listed {
        invariant(
            lines.contains("\(snapshot.name)\tguid\t\(snapshot.guid)"), "the GUID of \(snapshot.name) was not printed")
        invariant(UInt64(snapshot.guid) != nil, "\(snapshot.guid) is no GUID")
        for (name, value) in snapshot.properties {
            invariant(name == "userrefs", "\(name) was not asked for here")
            invariant(lines.contains("\(snapshot.name)\t\(name)\t\(value)"), "\(name) was not printed")
        }
    }
}
