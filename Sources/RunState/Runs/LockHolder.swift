internal import Support

/// The process that holds a lock on a file, by the kernel's list (proc_locks(5)): `1: FLOCK  ADVISORY  WRITE 4711
/// 08:01:1234 0 EOF`; nil: there is none, or it is not seen.
///
/// Of a lock that was inherited it is the process that took it, which may be gone.
/// - Parameter inode: the file's number.
func processLocking(_ inode: UInt64, proc: String) -> Int32? {
    guard let bytes = try? FileAccess.read("\(proc)/locks", limit: 16 << 20) else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
        let fields = line.split(separator: " ")
        // A waiting one has an arrow in the second field.
        guard fields.count >= 6, fields[1] == "FLOCK",
            fields[5].split(separator: ":").last.map({ UInt64($0) }) == inode
        else { continue }
        return Int32(fields[4])
    }
    return nil
}
