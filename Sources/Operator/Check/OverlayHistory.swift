internal import Bounds
internal import RunState

/// The most room that each VM's overlays took lately, in bytes.
struct OverlayHistory: Sendable {
    /// A week has each of a host's habits once.
    private static let days = 7

    private(set) var largest: [VMKey: UInt64] = [:]

    init() {}

    init(_ history: RunHistory) {
        for day in history.days.suffix(Self.days) {
            for entry in history.entries(on: day) {
                guard let bytes = entry.overlayBytes else { continue }
                largest[entry.key] = max(largest[entry.key] ?? 0, bytes)
            }
        }
    }

    /// What those VMs need together; nil: nothing is known of any.
    func sum(of keys: [VMKey]) -> UInt64? {
        let known = keys.compactMap { largest[$0] }
        return known.isEmpty ? nil : known.reduce(0) { $0.plus($1) }
    }
}
