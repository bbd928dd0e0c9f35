/// What a run has left behind on one VM, known without its state file.
public struct Leftover: Sendable, Equatable {
    /// The id of the run that made it; nil: nothing tells.
    public let run: String?
    /// The VM's `VirtualMachine.id`.
    public let machineID: String
    /// Its name.
    public let machineName: String
    /// What a release must undo.
    public let freezeState: FreezeState
    /// Why it must not be touched, with the way out; nil: a release may.
    public let obstacle: String?

    /// A leftover with these parts.
    public init(run: String?, machineID: String, machineName: String, freezeState: FreezeState, obstacle: String? = nil)
    {
        self.run = run
        self.machineID = machineID
        self.machineName = machineName
        self.freezeState = freezeState
        self.obstacle = obstacle
    }
}
