internal import Glibc
internal import Hypervisor
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
func runTime(inName name: String) -> Int64? { runTime(String(name.suffix(23))) }
