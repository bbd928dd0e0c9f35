internal import Support
internal import XMLTree

/// What a VM is like while it is worked on.
struct VMState: Sendable {
    /// Those of its snapshot tree.
    let snapshots: [TreeSnapshot]
    /// Files of deleted snapshots are still in use.
    let needsConsolidation: Bool
    let power: String
    /// What somebody must answer before the VM goes on; nil where nothing is asked, or it was not read.
    let question: String?
    /// Its guest is on the way down; false also where that was not read.
    let isShuttingDown: Bool

    /// The properties that it takes.
    static let paths = ["snapshot", "runtime.consolidationNeeded", "runtime.powerState"]
    /// Those that it takes to know why nothing happens.
    static let pathsWithObstacles = paths + ["runtime.question", "guest.guestState"]

    init(_ properties: ObjectProperties) {
        snapshots = TreeSnapshot.all(in: properties.values["snapshot"])
        needsConsolidation = properties.isTrue("runtime.consolidationNeeded")
        power = properties.text("runtime.powerState") ?? ""
        question = properties.values["runtime.question"]?.value("text")
        isShuttingDown = properties.text("guest.guestState") == "shuttingDown"
    }

    /// What is to be done about the question, as the end of a message; empty where there is none.
    var questionNote: String {
        guard let question else { return "" }
        return "; the VM waits for an answer to \"\(printable(question, limit: 200))\": give it in the vSphere client"
    }

    /// The snapshots of that exact name.
    func snapshots(named name: String) -> [TreeSnapshot] { snapshots.filter { $0.name == name } }
}
