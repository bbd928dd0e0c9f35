package import Hypervisor

extension FreezeState {
    /// What a VM is held by, in a word each.
    package enum Holder: String, Sendable, Codable {
        /// Its writes go to overlays.
        case overlay
        /// It has a VM snapshot on its server.
        case serverSnapshot = "VM snapshot"
        /// Its file systems are frozen, or may be.
        case frozen
        case paused
        /// It was shut down.
        case off
        /// A program of `exec:PATH`.
        case program
    }

    /// None where nothing was done to it yet.
    package var holders: [Holder] {
        var holders: [Holder] = []
        if !disks.isEmpty { holders.append(.overlay) }
        if reference != nil { holders.append(.serverSnapshot) }
        if isThawPending || strategy == .freeze { holders.append(.frozen) }
        if strategy == .pause || isPausedForCommit { holders.append(.paused) }
        if strategy == .shutdown { holders.append(.off) }
        if isProgram { holders.append(.program) }
        return holders
    }

    /// For how long its guest has stood still until now; nil where it does not, or that was not seen.
    package var millisecondsStandingStill: Int64? { standsStill ? millisecondsStopped : nil }
}
