import Testing

/// A guest, and what becomes of it between pre and post.
struct Change: Sendable {
    let guest: Stage.Guest
    /// Run by bash with the guest's name in `$n`; `off` waits until it is shut off.
    let script: String
    /// What it does in the end: `running`, `paused`, `shut off`.
    var state = "running"
    /// What post says of it besides.
    var note: String?

    init(_ name: String, _ script: String, state: String = "running", note: String? = nil) {
        guest = Stage.Guest(name: name)
        self.script = script
        self.state = state
        self.note = note
    }
}

extension Stage {
    private static let off =
        "off() { for i in $(seq 150); do [ \"$(virsh domstate $n | head -n 1)\" = 'shut off' ] && return; sleep 0.1; done; return 1; }"

    /// Bash lines with the guest's name in `$n`.
    @discardableResult
    func change(_ guest: Guest, _ script: String, sourceLocation: SourceLocation = #_sourceLocation) async throws
        -> String
    {
        try await need("n=\(guest.name); \(Self.off)\nset -e\n\(script)", sourceLocation: sourceLocation)
    }

    /// Whether, and when, a guest's disk is its base and everything it knew to be durable is on it. Switches it off.
    func expectAllThere(_ guest: Guest, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let state = try await need("virsh domstate \(guest.name) | head -n 1")
        if state == "running" {
            // It writes on, on its own disk.
            let before = try await durable(guest, "vda")
            try await need(
                "for i in $(seq 400); do [ $(\(lab.program) durable \(guest.name) vda) -gt \(before) ] && exit; sleep 0.1; done; exit 1",
                sourceLocation: sourceLocation)
        }
        _ = try await shell("virsh destroy \(guest.name)")
        for target in guest.targets {
            let known = try await durable(guest, target)
            #expect(known > 0, sourceLocation: sourceLocation)
            let found = try await need(
                "\(lab.program) records \(image(guest, target))", sourceLocation: sourceLocation)
            #expect(Int(found) ?? 0 >= known, "\(guest.name) \(target)", sourceLocation: sourceLocation)
        }
    }

    /// One cycle in which each guest changes; then each is as it was, on its base, with all its records.
    static func expectReleased(
        _ name: String, _ changes: [Change], configuration: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await with(name, changes.map(\.guest), configuration: configuration) { stage in
            let snapshot = "\(stage.dataset)@a"
            let pre = try await shell("\(stage.lab.preSnapshot) \(snapshot)")
            #expect(pre.status == 0, "\(pre.errors)", sourceLocation: sourceLocation)
            // The guests write on their overlays for a while.
            try await Task.sleep(for: .seconds(1))
            for change in changes {
                #expect(
                    try await need("virsh domblklist \(change.guest.name)").contains(stage.lab.overlays),
                    "\(pre.errors)", sourceLocation: sourceLocation)
                try await stage.change(change.guest, change.script, sourceLocation: sourceLocation)
            }
            let post = try await shell("zfs snapshot \(snapshot); \(stage.lab.postSnapshot) \(snapshot)")
            #expect(post.status == 0, "\(post.errors)", sourceLocation: sourceLocation)
            try await stage.expectNothingLeft(sourceLocation: sourceLocation)
            for change in changes {
                let state = try await need("virsh domstate \(change.guest.name) | head -n 1")
                #expect(state == change.state, "\(change.guest.name)", sourceLocation: sourceLocation)
                if let note = change.note {
                    #expect(post.errors.contains(note), "\(post.errors)", sourceLocation: sourceLocation)
                }
                try await stage.expectAllThere(change.guest, sourceLocation: sourceLocation)
            }
        }
    }
}
