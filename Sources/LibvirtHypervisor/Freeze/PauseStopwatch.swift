internal import CLibvirt
internal import Hypervisor
internal import Synchronization

/// Measures, by libvirt's lifecycle events and the host's clock, how long domains stand still.
///
/// A paused guest's own clock stands still with it.
final class PauseStopwatch: Sendable {
    private struct Pause {
        var began: ContinuousClock.Instant?
        var length: Duration?
    }

    private let pauses = Mutex<[String: Pause]>([:])

    /// Watches a domain from now on.
    func begin(_ uuid: String) {
        pauses.withLock { $0[uuid] = Pause() }
    }

    /// Stops watching; nil when the domain was not seen to be paused and resumed.
    ///
    /// The event may be on its way still when the call that caused it has returned.
    func end(_ uuid: String) async -> Duration? {
        for _ in 1...20 {
            let pause = pauses.withLock { $0[uuid] }
            if pause?.length != nil || pause?.began == nil { break }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return pauses.withLock { $0.removeValue(forKey: uuid) }?.length
    }

    fileprivate func note(_ event: UInt32, of uuid: String, at instant: ContinuousClock.Instant) {
        pauses.withLock { pauses in
            guard var pause = pauses[uuid] else { return }
            switch event {
            case VIR_DOMAIN_EVENT_SUSPENDED.rawValue:
                pause.began = pause.began ?? instant
            case VIR_DOMAIN_EVENT_RESUMED.rawValue:
                pause.length = pause.began.map { $0.duration(to: instant) }
            default: return
            }
            pauses[uuid] = pause
        }
    }
}

/// virConnectDomainEventCallback; runs on the event loop's thread.
nonisolated func lifecycleChanged(
    _ connection: virConnectPtr?, _ domain: virDomainPtr?, _ event: Int32, _ detail: Int32,
    _ watch: UnsafeMutableRawPointer?
) -> Int32 {
    let now = ContinuousClock.now
    guard let library = try? LibvirtLibrary.load(), let domain, let watch, let uuid = library.uuid(of: domain) else {
        return 0
    }
    Unmanaged<PauseStopwatch>.fromOpaque(watch).takeUnretainedValue().note(UInt32(bitPattern: event), of: uuid, at: now)
    return 0
}

/// virFreeCallback of the subscription.
nonisolated func releasePauseWatch(_ watch: UnsafeMutableRawPointer?) {
    guard let watch else { return }
    Unmanaged<PauseStopwatch>.fromOpaque(watch).release()
}
