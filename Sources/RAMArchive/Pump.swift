/// Moves a dump from `fill` to `take`, hashing it on the way, until `fill` gives nothing.
///
/// Stops, with a count above `total`, when more comes than that; `take` does not get what is too much.
/// - Parameter total: the length that the dump should have, in bytes.
/// - Returns: the dump's length in bytes, and its SHA-256.
/// - Throws: what `fill` and `take` throw, and `ArchiveError` with `.noMemory`.
func pump(
    total: UInt64, progress: Progress?, fill: (UnsafeMutableRawBufferPointer) throws -> Int,
    take: (UnsafeRawBufferPointer) throws -> Void
) throws -> (bytes: UInt64, sha256: String) {
    let ring = HashingRing()
    var meter = ProgressMeter(progress, total: total)
    var done: UInt64 = 0
    while true {
        let buffer = ring.buffer
        let count = try fill(buffer)
        guard count > 0 else { break }
        done += UInt64(count)
        guard done <= total else { break }
        ring.add(count)
        try take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        meter.advance(to: done)
    }
    if done == total { meter.finish() }
    return (done, ring.finish())
}
