internal import Glibc
internal import Storage

/// The QEMU of a domain of this host, by the PID file that libvirtd keeps of it.
struct QemuProcess: Sendable {
    let id: Int32

    /// - Parameter run: where libvirtd of `qemu:///system` keeps PID files.
    /// - Returns: nil where there is none that lives.
    init?(domain name: String, run: String = "/run/libvirt/qemu") {
        guard let text = try? FileAccess.read("\(run)/\(name).pid", limit: 64),
            let id = Int32(String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)),
            kill(id, 0) == 0
        else { return nil }
        self.id = id
    }

    /// Whether it runs since before that time, in seconds since 1970; false where that cannot be told.
    func isOlder(than time: Int64, proc: String = "/proc") -> Bool {
        // Field 22, in ticks since the host was started; the second field may hold anything but is in brackets
        // (proc(5)).
        guard let text = try? FileAccess.read("\(proc)/\(id)/stat", limit: 4096),
            let end = text.lastIndex(of: UInt8(ascii: ")")),
            let ticks = String(decoding: text[(end + 1)...], as: UTF8.self).split(separator: " ").dropFirst(19).first
                .flatMap({ Int64($0) })
        else { return false }
        var sinceStart = timespec()
        var now = timespec()
        guard clock_gettime(CLOCK_BOOTTIME, &sinceStart) == 0, clock_gettime(CLOCK_REALTIME, &now) == 0 else {
            return false
        }
        let age = Int64(sinceStart.tv_sec) - ticks / Int64(sysconf(Int32(_SC_CLK_TCK)))
        return Int64(now.tv_sec) - age < time
    }
}

/// When the run began whose id this name ends in, in seconds since 1970: `stillpoint-20261121T110000Z-1f3c9a`.
func runTime(inName name: String) -> Int64? {
    let digits = Array(name.utf8.suffix(23))
    guard digits.count == 23, digits[8] == UInt8(ascii: "T"), digits[15] == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int32? { Int32(String(decoding: digits[range], as: UTF8.self)) }
    guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8), let hour = number(9..<11),
        let minute = number(11..<13), let second = number(13..<15)
    else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
    return Int64(timegm(&parts))
}
