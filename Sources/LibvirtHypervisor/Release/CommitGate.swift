internal import Synchronization

/// Holds back the pivots of one domain until all of its commits have begun.
///
/// libvirt writes a VM's AppArmor profile anew when a disk pivots, and denies QEMU writing to what is below an overlay
/// then (`deny "BASE" w`, before 12.1.0): a commit of another disk that has not begun by then is refused.
final class CommitGate: Sendable {
    private struct State {
        var awaited: Set<String>
        var isShut = false
    }

    private let state: Mutex<State>
    private let changed: @Sendable () -> Void

    /// - Parameters:
    ///   - overlays: those of the disks whose commits are awaited.
    ///   - changed: called when the gate has opened, or was shut.
    init(_ overlays: some Sequence<String>, changed: @escaping @Sendable () -> Void) {
        state = Mutex(State(awaited: Set(overlays)))
        self.changed = changed
    }

    /// All have arrived.
    var isOpen: Bool { state.withLock { $0.awaited.isEmpty } }
    /// One of them cannot arrive any more.
    var isShut: Bool { state.withLock(\.isShut) }

    /// The commit of that overlay has begun, is not needed any more, or was refused for good.
    func arrive(_ overlay: String) {
        let isLast = state.withLock { $0.awaited.remove(overlay) != nil && $0.awaited.isEmpty }
        if isLast { changed() }
    }

    /// Nobody knows whether a commit that has not begun still will.
    func shut() {
        let isNew = state.withLock { state in
            guard !state.awaited.isEmpty, !state.isShut else { return false }
            state.isShut = true
            return true
        }
        if isNew { changed() }
    }
}
