internal import Glibc

/// A new run's id: the second it began, UTC, and six random hexadecimal digits.
func makeRunID() -> String {
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    let stamp = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
        let length = strftime(buffer.baseAddress, buffer.count, "%Y%m%dT%H%M%SZ", &parts)
        return String(decoding: UnsafeRawBufferPointer(buffer).prefix(length), as: UTF8.self)
    }
    let digits = String(UInt32.random(in: 0..<(1 << 24)), radix: 16)
    return "\(stamp)-" + String(repeating: "0", count: 6 - digits.count) + digits
}
