/// What `stillpoint restore` was asked for.
package struct RestoreOptions: Sendable {
    /// Where the VM is restored to.
    package enum Target: Sendable, Equatable {
        /// To a new VM of that name, beside the present one.
        case clone(String)
        /// To where it was.
        case inPlace
        /// Nowhere: what would be done is told.
        case printSteps
    }

    /// `DATASET@SNAP`.
    package var snapshot: String
    /// The VM's name or id.
    package var machine: String
    /// Where the VM is restored to.
    package var target: Target
    /// Leaves its RAM out: disks alone.
    package var withoutMemory: Bool
    /// With its RAM: leaves it paused.
    package var paused: Bool
    /// Without its RAM: boots it.
    package var start: Bool
    /// A clone: with its network links up.
    package var connect: Bool
    /// In place: destroys snapshots that are newer.
    package var destroyNewer: Bool
    /// Also where nobody vouches for the definition, of which only what is harmless is then restored.
    package var untrusted: Bool

    /// Options with nothing switched on.
    package init(
        snapshot: String, machine: String, target: Target, withoutMemory: Bool = false, paused: Bool = false,
        start: Bool = false, connect: Bool = false, destroyNewer: Bool = false, untrusted: Bool = false
    ) {
        self.snapshot = snapshot
        self.machine = machine
        self.target = target
        self.withoutMemory = withoutMemory
        self.paused = paused
        self.start = start
        self.connect = connect
        self.destroyNewer = destroyNewer
        self.untrusted = untrusted
    }
}
