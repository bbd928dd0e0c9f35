internal import Glibc
internal import Hypervisor

/// A time in seconds since 1970 as `2026-11-21T11:00:00Z` (RFC 3339).
package func utcText(_ seconds: Int64) -> String {
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
        let length = strftime(buffer.baseAddress, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: UnsafeRawBufferPointer(buffer).prefix(length), as: UTF8.self)
    }
}

/// Reads what `utcText` writes; nil for anything else.
func utcTime(_ text: some StringProtocol) -> Int64? {
    let text = String(text)
    // As a run's id has it: `20261121T110000Z-`.
    let digits = String(text.filter { $0 != "-" && $0 != ":" })
    guard let time = runTime(digits + "-"), utcText(time) == text else { return nil }
    return time
}
