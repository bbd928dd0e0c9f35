internal import Glibc

/// This process's environment variables.
///
/// Foundation's ProcessInfo has them too, and costs a start of its own.
public func processEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
        let pair = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if pair.count == 2 { result[String(pair[0])] = String(pair[1]) }
        next += 1
    }
    return result
}
