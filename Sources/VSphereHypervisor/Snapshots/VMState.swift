internal import XMLTree

/// What a VM is like while it is worked on.
struct VMState: Sendable {
    /// Those of its snapshot tree.
    let snapshots: [TreeSnapshot]
    /// Files of deleted snapshots are still in use.
    let needsConsolidation: Bool
    let power: String

    /// The properties that it takes.
    static let paths = ["snapshot", "runtime.consolidationNeeded", "runtime.powerState"]

    init(_ properties: ObjectProperties) {
        snapshots = TreeSnapshot.all(in: properties.values["snapshot"])
        needsConsolidation = properties.isTrue("runtime.consolidationNeeded")
        power = properties.text("runtime.powerState") ?? ""
    }

    /// The snapshots of that exact name.
    func snapshots(named name: String) -> [TreeSnapshot] { snapshots.filter { $0.name == name } }
}
