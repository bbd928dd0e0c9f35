/// O_PATH (open(2)), which needs _GNU_SOURCE in C.
package let openPathOnly: Int32 = 0o10_000_000

/// A file that is held open for as long as this is there.
public protocol OpenFile: Sendable {
    /// The path by which it was found.
    var path: String { get }
    /// Its number in this process.
    var descriptor: Int32 { get }
}
