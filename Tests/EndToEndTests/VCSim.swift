import JSON
import Testing

/// A vSphere test server (Tests/vcsim) of a test's own, gone after it.
struct VCSim: Sendable {
    /// What the server says when it is ready.
    struct Ready: Decodable, Sendable {
        let sdk: String
        let ctl: String
        let pid: Int
    }

    /// A VM as the server has it.
    struct Machine: Decodable, Sendable {
        let name: String
        let ref: String
        let power: String
        let host: String
        let consolidate: Bool
        let snapshots: [Snapshot]?

        /// All its snapshots, each before those below it.
        var all: [Snapshot] { (snapshots ?? []).flatMap(\.andBelow) }
        /// Those that Stillpoint made.
        var ours: [Snapshot] { all.filter { $0.name.hasPrefix("stillpoint ") } }
    }

    struct Snapshot: Decodable, Sendable {
        let name: String
        let description: String
        let ref: String
        let quiesced: Bool
        let children: [Snapshot]?

        var andBelow: [Snapshot] { [self] + (children ?? []).flatMap(\.andBelow) }
    }

    /// Round trips so far.
    struct Counts: Decodable, Sendable {
        let total: Int
        let byMethod: [String: Int]
        let running: Int
        let maxRunning: Int

        /// How often snapshots were asked for, by either call.
        var creations: Int { (byMethod["CreateSnapshot_Task"] ?? 0) + (byMethod["CreateSnapshotEx_Task"] ?? 0) }
        var removals: Int { byMethod["RemoveSnapshot_Task"] ?? 0 }
    }

    let ready: Ready
    /// The certificate of its own making.
    let certificate: String

    /// Starts a server with files in `folder`, runs the body, and ends the server, also after a failure.
    static func with(
        _ folder: String, inventory: String = "{}", options: String = "-vms 1", _ body: (VCSim) async throws -> Void
    ) async throws {
        let server = try await start(folder, inventory: inventory, options: options)
        do {
            try await body(server)
        } catch {
            try await server.end()
            throw error
        }
        try await server.end()
    }

    private static func start(_ folder: String, inventory: String, options: String) async throws -> VCSim {
        let lab = try #require(Lab.here)
        // Should this process die, the server sees it and ends.
        let line = try await need(
            """
            set -e
            program=$(\(lab.program) vcsim)
            mkdir -p \(folder)
            printf %s \(quoted(inventory)) > \(folder)/inventory.json
            $program -l 127.0.0.1:0 -ctl 127.0.0.1:0 -watch $PPID -certout \(folder)/ca.pem \
                -inventory \(folder)/inventory.json \(options) \
                > \(folder)/ready 2> \(folder)/vcsim.log < /dev/null &
            for i in $(seq 300); do
                [ -s \(folder)/ready ] && break
                kill -0 $! || { cat \(folder)/vcsim.log >&2; exit 1; }
                sleep 0.1
            done
            cat \(folder)/ready
            """)
        return VCSim(
            ready: try JSON.decode(Ready.self, from: Array(line.utf8)), certificate: folder + "/ca.pem")
    }

    private func end() async throws { try await need("kill \(ready.pid) 2>/dev/null || true") }
}

// MARK: the side door

extension VCSim {
    /// All VMs, by name.
    func machines() async throws -> [String: Machine] {
        let all = try JSON.decode([Machine].self, from: Array(try await get("/vms").utf8))
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    }

    /// The names of the VMs that have a snapshot of ours, sorted; a VM with two stands twice.
    func held() async throws -> [String] {
        try await machines().values.flatMap { machine in machine.ours.map { _ in machine.name } }.sorted()
    }

    func counts() async throws -> Counts { try JSON.decode(Counts.self, from: Array(try await get("/counts").utf8)) }

    /// Counts from 0 on again.
    func reset() async throws { try await post("/reset") }

    /// What goes wrong from now on: JSON as Tests/vcsim/rules.go says.
    func rules(_ text: String) async throws {
        try await need("curl -sS --fail-with-body -X PUT --data-binary \(quoted(text)) \(ready.ctl)/rules")
    }

    /// Ends all sessions.
    func expire() async throws { try await post("/expire") }

    /// The server ends; what it knows stays.
    func down() async throws { try await post("/down") }
    func up() async throws { try await post("/up") }

    /// How long each task takes from now on.
    func taskDelay(milliseconds: Int) async throws { try await post("/taskdelay?ms=\(milliseconds)") }

    /// What somebody else does to a VM.
    func meddle(_ machine: String, _ action: String, _ argument: String = "") async throws {
        try await post("/vm?name=\(machine)&do=\(action)&argument=\(argument)")
    }

    /// A storage snapshot of the VMs' own files, and its way back.
    func saveStorage(_ name: String) async throws { try await post("/storage?do=save&name=\(name)") }
    func rollBackStorage(_ name: String) async throws { try await post("/storage?do=rollback&name=\(name)") }

    private func get(_ path: String) async throws -> String {
        try await need("curl -sS --fail-with-body '\(ready.ctl)\(path)'")
    }

    private func post(_ path: String) async throws {
        try await need("curl -sS --fail-with-body -X POST '\(ready.ctl)\(path)'")
    }
}
