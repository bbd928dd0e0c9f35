internal import XMLTree

/// A VM snapshot as the VM's tree of snapshots has it.
struct TreeSnapshot: Sendable, Equatable {
    let reference: MoRef
    let name: String
    /// The guest's file systems were frozen for it.
    let isQuiesced: Bool
    /// The VM's power state in it: one without RAM holds a VM that is off.
    let state: String

    /// Whether RAM is in it.
    var hasMemory: Bool { state == "poweredOn" }

    /// All snapshots of a tree (VirtualMachineSnapshotInfo), parents before children.
    static func all(in info: XMLElement?) -> [TreeSnapshot] {
        var found: [TreeSnapshot] = []
        var next = info?.children(named: "rootSnapshotList") ?? []
        while let node = next.popLast() {
            if let reference = MoRef(node.first("snapshot")) {
                found.append(
                    TreeSnapshot(
                        reference: reference, name: node.name("name") ?? "", isQuiesced: node.isTrue("quiesced"),
                        state: node.value("state") ?? ""))
            }
            next += node.children(named: "childSnapshotList")
        }
        return found
    }
}
