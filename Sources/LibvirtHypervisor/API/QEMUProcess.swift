internal import Glibc
internal import Hypervisor
internal import Support

/// The QEMU of a domain of this host, by the PID file that libvirtd keeps of it.
struct QEMUProcess: Sendable {
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
        guard let age = ProcessStatus(of: id, proc: proc)?.age else { return false }
        return Int64(Glibc.time(nil)) - age.components.seconds < time
    }
}

/// When the run began whose id this name ends in, in seconds since 1970: `stillpoint-20261121T110000Z-1f3c9a`.
func runTime(inName name: String) -> Int64? { runTime(String(name.suffix(23))) }
