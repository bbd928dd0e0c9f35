internal import Glibc

/// This process's environment variables.
///
/// Foundation's ProcessInfo has them too, and costs a start of its own.
public func processEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
        if let equals = strchr(entry, Int32(UInt8(ascii: "="))) {
            let name = UnsafeRawBufferPointer(start: entry, count: equals - entry)
            result[String(decoding: name, as: UTF8.self)] = String(cString: equals + 1)
        }
        next += 1
    }
    return result
}
