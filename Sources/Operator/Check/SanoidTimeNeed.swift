internal import Bounds
internal import Configuration
internal import Engine
internal import Hypervisor
internal import Support

/// How long pre-snapshot may take for some VMs.
struct SanoidTimeNeed {
    /// Beside the guests' own time.
    private static let others = Duration.seconds(10)
    /// Bytes of RAM that are written in a second, all VMs together: a modest disk.
    private static let dumpRate: UInt64 = 200 << 20

    private(set) var duration = Duration.zero
    /// `a guest may take 60 s to prepare its freeze (freeze_timeout)`
    private(set) var reason = ""

    init(_ plans: [PlannedVM], _ configuration: Configuration) {
        let strategies = Set(plans.flatMap(\.strategies))
        if strategies.contains(where: { [.quiesce, .freeze].contains($0) }) {
            raise(
                configuration.freezeTimeout,
                "a guest may take \(configuration.freezeTimeout.text) to prepare its freeze (freeze_timeout)")
        }
        if strategies.contains(.shutdown) {
            raise(
                configuration.shutdownTimeout,
                "a guest may take \(configuration.shutdownTimeout.text) to shut down (shutdown_timeout)")
        }
        let dumped = plans.filter { $0.strategies.contains(.memory) && !$0.machine.power.isAtRest }
        let memory = dumped.reduce(UInt64(0)) { $0.plus($1.machine.memory) }
        if memory > 0 {
            let seconds = Int64(clamping: memory / Self.dumpRate)
            raise(.seconds(seconds), "to dump \(formattedBytes(memory)) of RAM takes \(seconds) s at 200 MiB/s")
        }
    }

    private mutating func raise(_ time: Duration, _ text: String) {
        guard time + Self.others > duration else { return }
        duration = time + Self.others
        reason = text
    }
}
