internal import CLibvirt
internal import Glibc
internal import Support
internal import XMLTree

extension Domain {
    /// Puts the bases into the definitions that others' snapshots keep, of those that were taken after the snapshot of
    /// that name, and so while the domain was on overlays that are to be deleted: a revert would want them
    /// (virDomainSnapshotListAllChildren, and VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE as virsh snapshot-edit does).
    /// - Returns: what an administrator should know.
    func correctSnapshots(after name: String, _ bases: BaseDefinition) throws -> [String] {
        guard let ours = library.functions.virDomainSnapshotLookupByName(pointer, name, 0) else { return [] }
        defer { _ = library.functions.virDomainSnapshotFree(ours) }
        var list: UnsafeMutablePointer<virDomainSnapshotPtr?>?
        let flags = VIR_DOMAIN_SNAPSHOT_LIST_DESCENDANTS.rawValue
        let count = library.functions.virDomainSnapshotListAllChildren(ours, &list, flags)
        guard count >= 0 else { throw library.lastError("listing the snapshots after \(name)") }
        defer { free(list) }
        let theirs = (0..<Int(count)).compactMap { list?[$0] }
        defer { for snapshot in theirs { _ = library.functions.virDomainSnapshotFree(snapshot) } }
        return try theirs.compactMap { try correct($0, bases) }
    }

    /// How many snapshots inside images were taken after the snapshot of that name; nil where that is not there
    /// (VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL).
    func internalSnapshotCount(after name: String) throws -> Int? {
        guard let ours = library.functions.virDomainSnapshotLookupByName(pointer, name, 0) else { return nil }
        defer { _ = library.functions.virDomainSnapshotFree(ours) }
        var list: UnsafeMutablePointer<virDomainSnapshotPtr?>?
        let flags = VIR_DOMAIN_SNAPSHOT_LIST_DESCENDANTS.rawValue | VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL.rawValue
        let count = library.functions.virDomainSnapshotListAllChildren(ours, &list, flags)
        guard count >= 0 else { throw library.lastError("listing the snapshots after \(name)") }
        defer { free(list) }
        for index in 0..<Int(count) { list?[index].map { _ = library.functions.virDomainSnapshotFree($0) } }
        return Int(count)
    }

    private func correct(_ snapshot: virDomainSnapshotPtr, _ bases: BaseDefinition) throws -> String? {
        let secure = VIR_DOMAIN_SNAPSHOT_XML_SECURE.rawValue
        guard let text = library.functions.virDomainSnapshotGetXMLDesc(snapshot, secure) else {
            throw library.lastError("reading a snapshot's definition")
        }
        defer { free(text) }
        let now = try XMLElement.parse(String(cString: text))
        var corrected = now
        for name in ["domain", "inactiveDomain"] { corrected.change(name) { $0 = bases.rewritten($0) } }
        guard corrected != now else { return nil }
        var flags = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE.rawValue
        if library.functions.virDomainSnapshotIsCurrent(snapshot, 0) == 1 {
            flags |= VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT.rawValue
        }
        guard let again = library.functions.virDomainSnapshotCreateXML(pointer, corrected.description, flags) else {
            throw library.lastError("putting the base into a snapshot's definition")
        }
        _ = library.functions.virDomainSnapshotFree(again)
        guard let memory = now.first("memory"), memory["snapshot"] == "external", let file = memory["file"] else {
            return nil
        }
        return
            "the RAM in \(file), of a snapshot that somebody took meanwhile, names an overlay that is gone; before it is "
            + "reverted to, put the base in with: virsh save-image-edit \(shellQuoted(file))"
    }
}
