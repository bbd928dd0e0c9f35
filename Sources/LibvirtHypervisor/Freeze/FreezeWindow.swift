internal import Hypervisor

/// The stretch in which a guest is frozen: freeze, move the disks, thaw, all on one thread without a pause.
struct FreezeWindow: Sendable {
    /// File systems that the guest says it froze.
    var frozen: Result<Int, any Error>
    /// How moving the disks went; nil when it was not tried.
    var moved: Result<Void, any Error>?
    /// File systems that the guest says it thawed.
    var thawed: Result<Int, any Error>
    /// From the freeze request to its answer: hooks ran and VSS prepared, and towards its end the guest froze.
    var preparation = Duration.zero
    /// From the freeze request to the answer to the thaw.
    var duration: Duration

    /// Freezes, moves the disks and thaws; `isThawPending` says whether the guest is, or may be, still frozen.
    /// - Parameter fence: closed by who waits no longer; then the disks stay where they are.
    static func pass(
        _ domain: Domain, mountPoints: [String]?, snapshot document: String, fence: FreezeWindowFence,
        times: FreezeTimes
    ) -> FreezeWindow {
        let clock = ContinuousClock()
        let start = clock.now
        let frozen = Result {
            try domain.setAgentTimeout(times.freeze)
            return try domain.freezeFileSystems(mountPoints)
        }
        let preparation = clock.now - start
        var moved: Result<Void, any Error>?
        if case .success(1...) = frozen, fence.pass() {
            moved = Result { try domain.createDiskSnapshot(xml: document) }
        }
        // An agent that did not answer the freeze is not asked here, where it would be waited for a second time. And one
        // that refuses it may be frozen by somebody else, whose freeze is not ours to end.
        if case .failure(let error as LibvirtError) = frozen, error.isAgentSilent || error.isRefusedByAgent {
            return FreezeWindow(
                frozen: frozen, thawed: .failure(error), preparation: preparation, duration: clock.now - start)
        }
        // Where that fails, the thaw is waited for as the freeze was.
        if times.thaw != times.freeze { try? domain.setAgentTimeout(times.thaw) }
        let thawed = Result { try domain.thawFileSystems() }
        return FreezeWindow(
            frozen: frozen, moved: moved, thawed: thawed, preparation: preparation, duration: clock.now - start)
    }
}
