internal import XMLTree

/// A task of the server's.
struct TaskState: Sendable {
    enum Progress: Sendable {
        case running
        /// With the snapshot that it made, if it is of that kind.
        case done(result: MoRef?)
        case failed(VimFault)
        /// The server does not tell, or has dropped it: how it ended must be seen of the VM.
        case unknown
    }

    let reference: MoRef
    let progress: Progress
    /// The object that it works on.
    let entity: MoRef?
    /// What it does: `VirtualMachine.createSnapshot`, `CreateSnapshot_Task`.
    let action: String

    /// The properties that it takes to wait for it.
    static let paths = ["info.state", "info.error", "info.result"]
    /// Those that it takes to know what it does.
    static let pathsWithPurpose = paths + ["info.entity", "info.descriptionId", "info.name"]

    init(_ properties: ObjectProperties) {
        reference = properties.object
        progress =
            switch properties.text("info.state") {
            case "success": .done(result: MoRef(properties.values["info.result"]))
            case "error":
                .failed(
                    properties.values["info.error"].map(VimFault.init(localized:))
                        ?? VimFault(name: "UnknownFault", message: "the task failed without saying why"))
            case nil: .unknown
            default: .running
            }
        entity = MoRef(properties.values["info.entity"])
        action = [properties.text("info.descriptionId"), properties.text("info.name")].compactMap { $0 }
            .joined(separator: " ")
    }

    /// For a task whose end the server does not tell.
    static let unknownEnd = CallFailure(.garbled, "the server does not say how its task ended")

    var isRunning: Bool {
        if case .running = progress { return true }
        return false
    }
}
