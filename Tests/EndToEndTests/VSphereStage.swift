import Testing

/// Datasets of a test's own that a vSphere test server has mounted, and a configuration that knows the server.
struct VSphereStage: Sendable {
    let lab: Lab
    let server: VCSim
    /// Where the test's files are.
    let folder: String
    /// `splab/name`; the datastores are on datasets below it.
    let dataset: String

    var configuration: String { folder + "/stillpoint.conf" }
    var state: String { folder + "/state" }
    /// The server's address, as if it spoke TLS in any case.
    var tlsURL: String { server.ready.sdk.replacing("http://", with: "https://") }
    var passwordFile: String { folder + "/password" }

    /// An NFS datastore of a host, usually this one, on a folder of the pool.
    static func datastore(_ name: String, _ path: String, host: String = "127.0.0.1") throws -> String {
        let pool = try #require(Lab.here).pool
        return #"{"name": "\#(name)", "remoteHost": "\#(host)", "remotePath": "/\#(pool)/\#(path)"}"#
    }

    /// Makes the datasets, starts the server, runs the body and takes everything down, also after a failure.
    ///
    /// - Parameters:
    ///   - datasets: those that are made, below the stage's own.
    ///   - options: the server's; it needs one VM of the model's, to take folder, pool and host from.
    ///   - settings: lines for the general section.
    ///   - hypervisor: lines for the server's section.
    static func with(
        _ name: String, datasets: [String] = ["nfs"], inventory: String? = nil, options: String = "-vms 1",
        settings: String = "", hypervisor: String = "", _ body: (VSphereStage) async throws -> Void
    ) async throws {
        let lab = try #require(Lab.here)
        let folder = "\(lab.folder)/\(name)"
        let inventory = try inventory ?? Self.simple(name)
        try await need(
            """
            rm -rf \(folder); mkdir -p \(folder)
            for d in \(datasets.joined(separator: " ")); do \(lab.program) dataset \(name)/$d > /dev/null; done
            umask 077; printf 'secret\\n' > \(folder)/password
            """)
        do {
            try await VCSim.with(folder, inventory: inventory, options: options) { server in
                let stage = VSphereStage(
                    lab: lab, server: server, folder: folder, dataset: "\(lab.pool)/\(name)")
                try await stage.configure(settings, hypervisor: hypervisor)
                try await server.reset()
                try await body(stage)
            }
        } catch {
            await takeDown(lab, name, folder)
            throw error
        }
        await takeDown(lab, name, folder)
    }

    /// Two VMs, `web` and `db`, on the datastore `nfs`.
    static func simple(_ name: String) throws -> String {
        """
        {"nas": [\(try datastore("nfs", name + "/nfs"))],
         "vms": [\(machine("web", "nfs")), \(machine("db", "nfs"))]}
        """
    }

    /// A VM with its .vmx and one disk on a datastore; `more` are further JSON members.
    static func machine(_ name: String, _ datastore: String, _ more: String = "") -> String {
        #"{"name": "\#(name)", "datastore": "\#(datastore)", "disks": [{"datastore": "\#(datastore)"}]\#(more)}"#
    }

    private static func takeDown(_ lab: Lab, _ name: String, _ folder: String) async {
        // A watchdog whose server is gone would keep trying.
        _ = try? await shell(
            """
            \(killGuards(folder + "/state"))
            for i in $(seq 20); do zfs destroy -R \(lab.pool)/\(name) && break; sleep 0.05; done; rm -rf \(folder)
            """)
    }
}

// MARK: configuring and calling

extension VSphereStage {
    /// Writes the configuration; `hypervisor` are further lines of the server's section, or better ones.
    func configure(
        _ settings: String = "", hypervisor: String = "", trust: String? = nil, url: String? = nil
    ) async throws {
        let text = """
            [stillpoint]
            state_dir = \(state)
            overlay_dir = \(lab.overlays)
            \(settings)
            [hypervisor vc1]
            kind = vsphere
            url = \(url ?? server.ready.sdk)
            username = root
            password_file = \(passwordFile)
            \(trust ?? "ca_file = \(server.certificate)")
            \(hypervisor)
            """
        try await need("printf '%s\\n' \(quoted(text)) > \(configuration)")
    }

    func pre(_ name: String, on child: String = "nfs", options: String = "") -> String {
        "\(lab.preSnapshot) --config \(configuration) \(options) \(dataset)/\(child)@\(name)"
    }

    func post(_ name: String, on child: String = "nfs", options: String = "") -> String {
        "\(lab.postSnapshot) --config \(configuration) \(options) \(dataset)/\(child)@\(name)"
    }

    var recover: String { "\(lab.binaries)/stillpoint recover --config \(configuration)" }

    /// Takes the storage snapshot.
    func snapshot(_ name: String, on child: String = "nfs", recursive: Bool = false) async throws {
        try await need("zfs snapshot \(recursive ? "-r" : "") \(dataset)/\(child)@\(name)")
    }

    /// What each VM got, as it is written on the snapshot, without why.
    func got(_ name: String, on child: String = "nfs") async throws -> [String: String] {
        try await claims(name, on: child).mapValues { String($0.split(separator: ":")[0]) }
    }

    /// Why VMs are crash-consistent, in a word; those of which the snapshot says why.
    func reasons(_ name: String, on child: String = "nfs") async throws -> [String: String] {
        try await claims(name, on: child).compactMapValues {
            $0.split(separator: ":").dropFirst().first.map(String.init)
        }
    }

    private func claims(_ name: String, on child: String) async throws -> [String: String] {
        let text = try await need("zfs get -H -o value stillpoint:vms \(dataset)/\(child)@\(name)")
        let pairs = text.split(separator: ",").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        return Dictionary(uniqueKeysWithValues: pairs.filter { $0.count == 2 }.map { ($0[0], $0[1]) })
    }

    /// Pre, the storage snapshot, post; what the two hooks said.
    @discardableResult
    func cycle(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Outcome {
        let before = try await shell(pre(name))
        try #require(before.status == 0, "\(before.errors)", sourceLocation: sourceLocation)
        try await snapshot(name)
        let after = try await shell(post(name))
        return Outcome(status: after.status, output: before.output + after.output, errors: before.errors + after.errors)
    }
}

/// Kills the watchdogs of the runs that are open in a state directory, and of no other.
func killGuards(_ state: String) -> String {
    """
    for run in $(ls \(state)/runs 2>/dev/null | sed -n 's/[.]json$//p'); do
        pkill -9 -f "^stillpoint-watchdog $run"
    done; true
    """
}

/// Runs the body for all cases, four at a time: most of their time is waiting.
func concurrently<Case: Sendable>(
    _ cases: [Case], _ body: @escaping @Sendable (Case, _ index: Int) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for (index, one) in cases.enumerated() {
            if index >= 4 { try await group.next() }
            group.addTask { try await body(one, index) }
        }
        try await group.waitForAll()
    }
}

// MARK: what must hold

extension VSphereStage {
    /// No snapshot of ours, no open run.
    func expectNothingLeft(
        _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let machines = try await server.machines().values
        #expect(machines.filter { !$0.ours.isEmpty }.map(\.name).isEmpty, comment, sourceLocation: sourceLocation)
        #expect(try await openRuns().isEmpty, comment, sourceLocation: sourceLocation)
        #expect(!machines.contains { $0.consolidate }, comment, sourceLocation: sourceLocation)
    }

    /// The state files of open runs.
    func openRuns() async throws -> [String] {
        try await shell("ls -A \(state)/runs 2>/dev/null | grep '[.]json$'").lines
    }

    /// Until nothing of ours is left, but no longer than that.
    func expectRelease(
        within seconds: Int, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for _ in 0..<(seconds * 5) {
            if try await server.held().isEmpty, try await openRuns().isEmpty { break }
            try await Task.sleep(for: .milliseconds(200))
        }
        try await expectNothingLeft(comment, sourceLocation: sourceLocation)
    }
}
