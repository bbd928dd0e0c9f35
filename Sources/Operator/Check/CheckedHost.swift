internal import Support

/// What of the host is neither the configuration's nor a hypervisor's to tell: its programs and its services.
struct CheckedHost: Sendable {
    /// In front of every path; a test has a folder of its own.
    var root = ""
    var environment: [String: String] = [:]

    func has(_ path: String) -> Bool { fileExists(root + path) }

    /// Where a program is that others start too; nil: nowhere.
    func program(_ name: String) -> String? {
        let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/lib"]
        guard !root.isEmpty else { return programPath(name, environment: environment, others: folders) }
        return programPath(
            name, environment: ["PATH": folders.map { root + $0 }.joined(separator: ":")], others: [])
    }

    /// sd_booted(3)
    var hasSystemd: Bool { has("/run/systemd/system") }
}
