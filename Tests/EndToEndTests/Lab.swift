import Glibc
import Testing

/// The lab that `Tests/Lab/lab run` put this test process into: a private libvirtd, a pool, guests.
struct Lab: Sendable {
    /// Nil outside; then the suites that need it say so and are left out.
    static let here = Lab()
    static let reason: Comment = "needs the lab: run 'make test'"

    let program: String
    let folder: String
    let pool: String
    /// Where the release binaries are.
    let binaries: String
    /// The user that libvirt runs QEMU as: `libvirt-qemu`, and each file changes hands; or `root`, and none does.
    let qemuUser: String

    private init?() {
        guard let program = Lab.variable("LAB"), let folder = Lab.variable("LAB_DIR"),
            let pool = Lab.variable("LAB_POOL"), let binaries = Lab.variable("STILLPOINT_BIN")
        else { return nil }
        self.program = program
        self.folder = folder
        self.pool = pool
        self.binaries = binaries
        qemuUser = Lab.variable("LAB_QEMU_USER") ?? "root"
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// Where the debug binaries are, which can be killed at a chosen step; nil: this test run has none.
    var debugBinaries: String? { Lab.variable("STILLPOINT_DEBUG_BIN") }
    var preSnapshot: String { binaries + "/pre-snapshot" }
    var postSnapshot: String { binaries + "/post-snapshot" }
    var overlays: String { folder + "/overlays" }
    var runs: String { "/var/lib/stillpoint/runs" }
    var configuration: String { "/etc/stillpoint/stillpoint.conf" }
}

/// A dataset with guests of its own, gone after the test.
struct Stage: Sendable {
    let lab: Lab
    /// `splab/name`
    let dataset: String
    let guests: [Guest]

    struct Guest: Sendable {
        let name: String
        var disks = 1
        var options = ""
        var hasAgent: Bool { !options.contains("--no-agent") }
        var targets: [String] { ["vda", "vdb", "vdc"].prefix(disks).map { $0 } }
    }

    /// Starts the guests, runs the body, and takes everything down, also after a failure.
    static func with(
        _ name: String, _ guests: [Guest], configuration: String = "", _ body: (Stage) async throws -> Void
    ) async throws {
        let lab = try #require(Lab.here)
        let stage = Stage(lab: lab, dataset: "\(lab.pool)/\(name)", guests: guests)
        do {
            try await stage.set(configuration)
            try await need("\(lab.program) dataset \(name)")
            for guest in guests {
                try await need(
                    "\(lab.program) guest \(guest.name) --dataset \(name) --disks \(guest.disks) \(guest.options)")
            }
            let started = guests.filter { !$0.options.contains("--no-start") }.map(\.name)
            if !started.isEmpty {
                try await need("\(lab.program) wait \(started.joined(separator: " "))")
            }
            try await body(stage)
        } catch {
            await stage.takeDown()
            throw error
        }
        await stage.takeDown()
    }

    /// Writes stillpoint.conf: the lab's overlay directory and, after it, other lines.
    func set(_ configuration: String) async throws {
        try await need(
            """
            mkdir -p /etc/stillpoint
            printf '[stillpoint]\\noverlay_dir = %s\\n%s\\n' \(lab.overlays) \(quoted(configuration)) \
                > \(lab.configuration)
            """)
    }

    private func takeDown() async {
        for guest in guests {
            // libvirt 9.0.0 writes the file of a domain that was undefined while it ran again when a block job of it ends,
            // and reads it when it is started the next time.
            _ = try? await shell(
                """
                virsh destroy \(guest.name)
                virsh undefine --snapshots-metadata --checkpoints-metadata --managed-save \(guest.name)
                rm -f /etc/libvirt/qemu/\(guest.name).xml
                """)
        }
        _ = try? await shell(
            """
            rm -rf \(lab.overlays)/* \(lab.runs)/*
            for i in $(seq 20); do sleep 0.2; zfs destroy -R \(dataset) && break; done
            """
        )
    }

    func image(_ guest: Guest, _ target: String, in folder: String? = nil) -> String {
        "\(folder ?? "/" + dataset)/\(guest.name)-\(target).raw"
    }
}

// MARK: what must hold

extension Stage {
    /// Every guest runs on its own disks; no overlay, no libvirt snapshot and no open run is left.
    func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for guest in guests where !guest.options.contains("--no-start") {
            for target in guest.targets {
                let source = try await need("virsh domblklist \(guest.name) | awk '$1 == \"\(target)\" { print $2 }'")
                #expect(source == image(guest, target), sourceLocation: sourceLocation)
            }
            let inactive = try await need("virsh dumpxml --inactive \(guest.name)")
            #expect(!inactive.contains(lab.overlays), sourceLocation: sourceLocation)
            let snapshots = try await need("virsh snapshot-list --name \(guest.name)")
            #expect(snapshots.allSatisfy { $0.isWhitespace }, sourceLocation: sourceLocation)
        }
        #expect(try await need("ls -A \(lab.overlays)").isEmpty, sourceLocation: sourceLocation)
        #expect(try await need("ls -A \(lab.runs) 2>/dev/null || true").isEmpty, sourceLocation: sourceLocation)
    }

    /// In a clone of the snapshot the guests with an agent are clean and marked by their freeze hook, others are not.
    func expectConsistency(
        of snapshot: String, quiesced: Set<String>, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let clone = "\(lab.pool)/look\(Int.random(in: 1000...9999))"
        try await need("zfs clone \(snapshot) \(clone)")
        for guest in guests {
            for target in guest.targets {
                let file = image(guest, target, in: "/" + clone)
                let isClean = try await shell("\(lab.program) clean-fs \(file)").status == 0
                #expect(isClean == quiesced.contains(guest.name), "\(file)", sourceLocation: sourceLocation)
                if quiesced.contains(guest.name) {
                    let marks = try await need("\(lab.program) marks \(file)")
                    #expect(marks.contains("FREEZE"), "\(file)", sourceLocation: sourceLocation)
                }
            }
        }
        try await need("zfs destroy \(clone) || { sleep 1; zfs destroy \(clone); }")
    }

    /// A user property of a snapshot.
    func property(_ name: String, of snapshot: String) async throws -> String {
        try await need("zfs get -H -o value stillpoint:\(name) \(quoted(snapshot))")
    }

    func snapshots() async throws -> [String] {
        try await shell("zfs list -H -o name -t snapshot -r \(dataset)").lines
    }

    func durable(_ guest: Guest, _ target: String) async throws -> Int {
        Int(try await need("\(lab.program) durable \(guest.name) \(target)")) ?? 0
    }

    /// Fails where the guest writes nothing durable to the disk within so many seconds.
    func expectWrites(by guest: Guest, on target: String, within seconds: Int) async throws {
        let before = try await durable(guest, target)
        try await Task.sleep(for: .seconds(seconds))
        #expect(try await durable(guest, target) > before)
    }
}
