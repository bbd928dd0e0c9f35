import CINI

// Free and nonisolated: a closure that Swift takes for isolated would trap when a C library calls it.

/// inih asks for a line; fgets' contract, nil at the end.
nonisolated func nextLine(
    _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: CInt, _ stream: UnsafeMutableRawPointer?
) -> UnsafeMutablePointer<CChar>? {
    guard let buffer, let stream else { return nil }
    let reader = Unmanaged<LineReader>.fromOpaque(stream).takeUnretainedValue()
    guard let line = reader.next(capacity: Int(capacity)) else { return nil }
    for (offset, byte) in line.enumerated() { buffer[offset] = CChar(bitPattern: byte) }
    buffer[line.count] = 0
    return buffer
}

/// inih has an entry; not zero means that it was accepted.
nonisolated func takeEntry(
    _ user: UnsafeMutableRawPointer?, _ section: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?,
    _ value: UnsafePointer<CChar>?
) -> CInt {
    guard let user, let name, let value else { return 0 }
    let reader = Unmanaged<LineReader>.fromOpaque(user).takeUnretainedValue()
    reader.take(key: String(cString: name), value: String(cString: value))
    return 1
}
