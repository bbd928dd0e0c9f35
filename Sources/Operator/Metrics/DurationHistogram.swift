/// How many durations were how long.
struct DurationHistogram: Sendable, Codable, Equatable {
    /// The upper bounds of all buckets but the last, in milliseconds.
    static let bounds: [Int64] = [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000]

    /// One a bucket, and one for what is longer.
    private(set) var counts = [Int64](repeating: 0, count: bounds.count + 1)
    /// The sum of all.
    private(set) var milliseconds: Int64 = 0

    mutating func add(_ duration: Int64) {
        let duration = max(0, duration)
        counts[Self.bounds.firstIndex { duration <= $0 } ?? Self.bounds.count] &+= 1
        milliseconds &+= duration
    }

    /// Whether it can have come of this version's `add`.
    var isSound: Bool { counts.count == Self.bounds.count + 1 && (counts + [milliseconds]).allSatisfy { $0 >= 0 } }
}
