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

    /// Runs the window; what it leaves frozen, or might, is in `isThawPending`.
    /// - Parameter fence: closed by who waits no longer; then the disks stay where they are.
    static func pass(
        _ domain: Domain, mountPoints: [String]?, snapshot document: String, fence: WindowFence
    ) -> FrozenWindow {
        let clock = ContinuousClock()
        let start = clock.now
        let frozen = Result { try domain.freezeFileSystems(mountPoints) }
        var moved: Result<Void, any Error>?
        if case .success(1...) = frozen, fence.pass() {
            moved = Result { try domain.createDiskSnapshot(xml: document) }
        }
        // An agent that did not answer the freeze is not asked here, where it would be waited for a second time. And one
        // that refuses it may be frozen by somebody else, whose freeze is not ours to end.
        if case .failure(let error as LibvirtError) = frozen, error.isAgentSilent || error.isRefusedByAgent {
            return FrozenWindow(frozen: frozen, thawed: .failure(error), duration: clock.now - start)
        }
        let thawed = Result { try domain.thawFileSystems() }
        return FrozenWindow(frozen: frozen, moved: moved, thawed: thawed, duration: clock.now - start)
    }

    /// The guest may be frozen still, or freeze when it comes to the request.
    var isThawPending: Bool {
        guard case .failure = thawed else { return false }
        if case .failure(let error as LibvirtError) = frozen, !error.isAgentSilent { return false }
        return true
    }

    /// Why the guest was not at rest when its disks moved, though they did; nil: it was.
    /// - Parameter later: what it answered when it was asked to thaw once more; nil: nothing.
    func doubt(_ later: Int?) -> String? {
        switch thawed {
        case .success(1...): return nil
        case .failure(let error as LibvirtError) where error.isAgentSilent:
            switch later {
            case nil: return "whether the guest was frozen still when its disks moved is not known: \(error)"
            case 0?: return "the guest had thawed by itself before its disks had moved"
            default: return nil
            }
        case .success: return "the guest had thawed by itself before its disks had moved"
        // Windows: VSS lets go after 10 s, and then the thaw fails.
        case .failure(let error): return "the guest had thawed before it was told to: \(error)"
        }
    }
}
