internal import Hypervisor

/// The stretch in which a guest is frozen: freeze, move the disks, thaw, all on one thread without a pause.
struct FrozenWindow: Sendable {
    /// File systems that the guest says it froze.
    var frozen: Result<Int, any Error>
    /// How moving the disks went; nil when it was not tried.
    var moved: Result<Void, any Error>?
    /// File systems that the guest says it thawed.
    var thawed: Result<Int, any Error>
    /// From the freeze request to the answer to the thaw.
    var duration: Duration

    /// Runs the window; what it leaves frozen, or might, is in `owesThaw`.
    static func pass(_ domain: Domain, mountPoints: [String]?, snapshot document: String) -> FrozenWindow {
        let clock = ContinuousClock()
        let start = clock.now
        let frozen = Result { try domain.freezeFileSystems(mountPoints) }
        var moved: Result<Void, any Error>?
        if case .success(1...) = frozen {
            moved = Result { try domain.createDiskSnapshot(xml: document) }
        }
        // An agent that did not answer the freeze is not asked here, where it would be waited for a second time.
        if case .failure(let error as LibvirtError) = frozen, error.isAgentSilent {
            return FrozenWindow(frozen: frozen, thawed: .failure(error), duration: clock.now - start)
        }
        let thawed = Result { try domain.thawFileSystems() }
        return FrozenWindow(frozen: frozen, moved: moved, thawed: thawed, duration: clock.now - start)
    }

    /// The guest may be frozen still, or freeze when it comes to the request.
    var owesThaw: Bool {
        guard case .failure = thawed else { return false }
        if case .failure(let error as LibvirtError) = frozen, !error.isAgentSilent { return false }
        return true
    }
}
