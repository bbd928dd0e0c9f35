import Testing

/// A stage whose guests are frozen with their RAM, archived in the lab's cold storage.
extension Stage {
    var cold: String { lab.folder + "/cold" }
    var stillpoint: String { lab.binaries + "/stillpoint" }

    /// Lines of `[stillpoint]` for it.
    static func memoryConfiguration(_ more: String = "") throws -> String {
        let lab = try #require(Lab.here)
        return """
            ram_dir = \(lab.overlays)
            cold_storage = \(lab.folder)/cold
            strategy = memory, quiesce
            \(more)
            """
    }

    /// A stage with an empty cold storage, which is gone after the test.
    static func withMemory(
        _ name: String, _ guests: [Guest], more: String = "", _ body: (Stage) async throws -> Void
    ) async throws {
        let lab = try #require(Lab.here)
        try await need(
            "umount \(lab.folder)/cold 2>/dev/null; rm -rf \(lab.folder)/cold /var/lib/stillpoint; mkdir \(lab.folder)/cold"
        )
        do {
            try await with(name, guests, configuration: memoryConfiguration(more)) { stage in
                try await body(stage)
            }
        } catch {
            try await need(
                "umount \(lab.folder)/cold 2>/dev/null; rm -rf \(lab.folder)/cold /var/lib/stillpoint/restore-points")
            throw error
        }
        try await need(
            "umount \(lab.folder)/cold 2>/dev/null; rm -rf \(lab.folder)/cold /var/lib/stillpoint/restore-points")
    }

    /// One cycle by hand; what post said.
    @discardableResult
    func cycle(_ name: String) async throws -> String {
        let snapshot = "\(dataset)@\(name)"
        try await need("\(lab.preSnapshot) \(snapshot) && zfs snapshot \(snapshot)")
        let said = try await shell("\(lab.postSnapshot) \(snapshot)")
        try #require(said.status == 0, "\(said.errors)")
        return said.errors
    }

    /// The RAM dumps in cold storage, once no archiving is under way any more.
    func archivedDumps() async throws -> [String] {
        try await need("\(stillpoint) archive")
        try await awaitArchiver()
        return try await shell("find \(cold) -name '*.ram' | sort").lines
    }

    /// Until the archiving that post-snapshot started has ended.
    func awaitArchiver() async throws {
        try await need("for i in $(seq 300); do pgrep -f '^\(stillpoint) archive' || exit 0; sleep 0.1; done; exit 1")
    }

    /// The last number that the guest's counter in RAM has told; `log` is another VM's console.
    func counter(_ guest: Guest, log: String? = nil) async throws -> Int {
        let file = log ?? "\(lab.folder)/\(guest.name).log"
        return Int(try await need("grep -a '^RAM' \(file) | tail -n 1 | tr -dc 0-9")) ?? 0
    }

    /// What the guest has told on its console since the file had that many bytes.
    func told(_ guest: Guest, since bytes: Int) async throws -> [String] {
        try await shell(
            "tail -c +\(bytes + 1) \(lab.folder)/\(guest.name).log | tr -d '\\r' | grep -aE '^(RAM|DURABLE|BOOT)'"
        )
        .lines
    }

    func consoleLength(_ guest: Guest) async throws -> Int {
        Int(try await need("stat -c %s \(lab.folder)/\(guest.name).log")) ?? 0
    }

    /// Shuts a guest down by its power button and reads its disk.
    func expectCleanShutdown(
        _ name: String, image: String, atLeast durable: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await need(
            "virsh shutdown \(name); for i in $(seq 100); do [ \"$(virsh domstate \(name) | head -n 1)\" = 'shut off' ] && exit; sleep 0.1; done; exit 1"
        )
        #expect(
            try await shell("\(lab.program) clean-fs \(image)").status == 0, "\(image)", sourceLocation: sourceLocation)
        let records = Int(try await need("\(lab.program) records \(image)")) ?? 0
        #expect(records >= durable, sourceLocation: sourceLocation)
    }
}

/// The first number after a word in a guest's lines.
func firstNumber(after word: String, in lines: [String]) -> Int? {
    lines.first { $0.hasPrefix(word + " ") }?.split(separator: " ").last.flatMap { Int($0) }
}
