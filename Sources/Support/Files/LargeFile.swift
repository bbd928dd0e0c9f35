internal import Glibc
package import SystemPackage

/// Copies a file of any length into an empty one; holes stay holes. What is written to the source meanwhile, beyond
/// the length that it had, is left out.
///
/// - Throws: Errno.
package func copyLargeFile(
    _ input: FileDescriptor, to output: FileDescriptor, progress: (@Sendable (_ done: UInt64, _ total: UInt64) -> Void)?
) throws {
    let size = try input.status().st_size
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset: Int64 = 0
    while offset < Int64(size) {
        let most = min(buffer.count, size - Int(offset))
        let count = try buffer.withUnsafeMutableBytes {
            try input.read(fromAbsoluteOffset: offset, into: .init(rebasing: $0[..<most]))
        }
        if count == 0 { break }
        // SEEK_DATA is not available on every file system; a block of zeros is a hole as well.
        if buffer[..<count].contains(where: { $0 != 0 }) {
            try buffer[..<count].withUnsafeBytes { _ = try output.writeAll(toAbsoluteOffset: offset, $0) }
        }
        offset += Int64(count)
        progress?(UInt64(offset), UInt64(size))
    }
    guard ftruncate(output.rawValue, size) == 0 else { throw Errno(rawValue: errno) }
}
