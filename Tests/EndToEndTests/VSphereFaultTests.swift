import Testing

/// What a server does wrong while pre and post run, and what must come of it.
struct FaultCase: Sendable {
    let name: String
    /// As Tests/vcsim/rules.go reads it.
    let rules: String
    /// What `web` gets; `db` is quiesced in any case.
    var web = "quiesced"
    /// A word that the report has of `web`, where something is to be said.
    var word: String?
    /// How often snapshots are asked for, `db`'s one included; nil: that depends on the time.
    var creations: Int?

    init(_ name: String, _ rules: String, web: String = "quiesced", word: String? = nil, creations: Int? = nil) {
        self.name = name
        self.rules = "[" + rules + "]"
        self.web = web
        self.word = word
        self.creations = creations
    }

    private static let create = #""method": "CreateSnapshot(Ex)?_Task", "vm": "^web$""#
    private static let remove = #""method": "RemoveSnapshot_Task", "vm": "^web$""#

    static let all: [FaultCase] = [
        FaultCase(
            "the task says FileLocked twice", #"{\#(create), "taskFault": "FileLocked", "times": 2}"#, creations: 4),
        FaultCase(
            "the call says TaskInProgress twice", #"{\#(create), "callFault": "TaskInProgress", "times": 2}"#,
            creations: 4),
        FaultCase(
            "the task says ConcurrentAccess", #"{\#(create), "taskFault": "ConcurrentAccess", "times": 2}"#,
            creations: 4),
        FaultCase(
            "the task says HostCommunication", #"{\#(create), "taskFault": "HostCommunication", "times": 2}"#,
            creations: 4),
        FaultCase("503 instead of an answer, twice", #"{\#(create), "httpStatus": 503, "times": 2}"#, creations: 4),
        FaultCase(
            "the connection is dropped before the call, twice", #"{\#(create), "drop": true, "times": 2}"#, creations: 4
        ),
        FaultCase("the connection is dropped at any call", #"{"drop": true, "skip": 3, "times": 2}"#),
        FaultCase("a task takes its time in the queue", #"{\#(create), "queuedMs": 700}"#, creations: 2),
        FaultCase("the answer to the creation is lost", #"{\#(create), "dropAfter": true, "times": 1}"#, creations: 2),
        FaultCase(
            "the answer to a creation that takes its time is lost",
            #"{\#(create), "dropAfter": true, "taskDelayMs": 900, "times": 1}"#, creations: 2),
        FaultCase(
            "the answer to a deletion that takes its time is lost",
            #"{\#(remove), "dropAfter": true, "taskDelayMs": 900, "times": 1}"#),
        FaultCase(
            "the answer to the creation is cut short", #"{\#(create), "truncate": 300, "times": 1}"#, creations: 2),
        FaultCase(
            "the snapshot is made, and the task says it failed",
            #"{\#(create), "taskFault": "HostCommunication", "faultAfter": true, "times": 1}"#),
        FaultCase(
            "the guest does not quiesce",
            #"{\#(create), "quiesce": true, "taskFault": "ApplicationQuiesceFault", "message": "VSS writer failed"}"#,
            web: "crash", word: "VSS writer failed", creations: 3),
        FaultCase(
            "the guest quiesces at the second attempt",
            #"{\#(create), "quiesce": true, "taskFault": "ApplicationQuiesceFault", "times": 1}"#, creations: 3),
        FaultCase(
            "the account may not", #"{\#(create), "callFault": "NoPermission", "message": "Permission denied"}"#,
            web: "crash", word: "ermission", creations: 2),
        FaultCase(
            "the task fails for good", #"{\#(create), "taskFault": "RestrictedVersion", "message": "licence"}"#,
            web: "crash", word: "licence", creations: 2),
        FaultCase(
            "the snapshot is made, not quiesced", #"{\#(create), "notQuiesced": true}"#, web: "crash", word: "quiesce"),
        FaultCase("a deletion says TaskInProgress twice", #"{\#(remove), "callFault": "TaskInProgress", "times": 2}"#),
        FaultCase(
            "the task of a deletion says FileLocked twice", #"{\#(remove), "taskFault": "FileLocked", "times": 2}"#),
        FaultCase("the answer to a deletion is lost", #"{\#(remove), "dropAfter": true, "times": 1}"#),
        FaultCase("503 instead of an answer to a deletion", #"{\#(remove), "httpStatus": 503, "times": 2}"#),
        FaultCase("a deletion leaves disks to consolidate", #"{\#(remove), "consolidationNeeded": true, "times": 1}"#),
        FaultCase(
            "the session ends at the creation", #"{\#(create), "callFault": "NotAuthenticated", "times": 1}"#,
            creations: 3),
        FaultCase("the session ends at the deletion", #"{\#(remove), "callFault": "NotAuthenticated", "times": 1}"#),
        FaultCase(
            "the session ends during a wait",
            #"{"method": "RetrievePropertiesEx", "skip": 1, "callFault": "NotAuthenticated", "times": 1}"#),
    ]
}

extension RealParts {
    @Suite("vSphere: when something goes wrong")
    struct VSphereFaultTests {
        @Test("One cycle ends without a leftover, a double or a lie")
        func cycles() async throws {
            try await concurrently(FaultCase.all) { fault, index in try await cycle(fault, index) }
        }

        private func cycle(_ fault: FaultCase, _ index: Int) async throws {
            try await VSphereStage.with("vsphere-fault\(index)") { stage in
                try await stage.server.rules(fault.rules)
                let pre = try await shell(stage.pre("a"))
                #expect(pre.status == 0, "\(fault.name): \(pre.errors)")
                let held = try await stage.server.held()
                #expect(held.filter { $0 == "db" }.count == 1, "\(fault.name): \(held)")
                #expect(held.filter { $0 == "web" }.count <= 1, "\(fault.name): \(held)")
                if fault.web == "quiesced" { #expect(held == ["db", "web"], "\(fault.name)") }
                try await stage.snapshot("a")
                let post = try await shell(stage.post("a"))
                let said = "\(fault.name): \(pre.errors)\(post.errors)"
                #expect(post.status == 0, "\(said)")
                #expect(try await stage.got("a") == ["web": fault.web, "db": "quiesced"], "\(said)")
                try await stage.expectNothingLeft("\(fault.name)")
                let counts = try await stage.server.counts()
                if let creations = fault.creations { #expect(counts.creations == creations, "\(fault.name)") }
                let isPaired = counts.byMethod["Login"] == counts.byMethod["Logout"]
                #expect(isPaired || fault.rules.contains("NotAuth"), "\(fault.name)")
                if let word = fault.word {
                    let line = said.split(separator: "\n").first { $0.contains("web: ") }
                    #expect(line?.contains(word) == true, "\(said)")
                }
            }
        }

        @Test("A task that is stuck past the deadline is cancelled; pre is back in time, and says so")
        func stuck() async throws {
            try await VSphereStage.with("vsphere-stuck") { stage in
                try await stage.server.rules(
                    #"[{"method": "CreateSnapshot(Ex)?_Task", "vm": "^web$", "stuck": true}]"#)
                let clock = ContinuousClock()
                let begin = clock.now
                let pre = try await shell(stage.pre("a", options: "--deadline 6"))
                #expect(begin.duration(to: clock.now) < .seconds(6.5), "\(pre.errors)")
                #expect(pre.status == 0, "\(pre.errors)")
                try await stage.snapshot("a")
                let post = try await shell(stage.post("a"))
                #expect(post.status == 0, "\(post.errors)")
                #expect(try await stage.got("a") == ["web": "crash", "db": "quiesced"])
                try await stage.expectNothingLeft()
                #expect(try await stage.server.counts().running == 0)
            }
        }

        @Test("A task that ends after the deadline after all leaves no snapshot behind")
        func late() async throws {
            try await VSphereStage.with("vsphere-late") { stage in
                // It cannot be cancelled either.
                try await stage.server.rules(
                    #"""
                    [{"method": "CreateSnapshot(Ex)?_Task", "vm": "^web$", "taskDelayMs": 4500},
                     {"method": "CancelTask", "callFault": "NotSupported"}]
                    """#)
                let pre = try await shell(stage.pre("a", options: "--deadline 3"))
                #expect(pre.status == 0, "\(pre.errors)")
                try await stage.snapshot("a")
                let post = try await shell(stage.post("a"))
                #expect([0, 3].contains(post.status), "\(post.errors)")
                #expect(try await stage.got("a")["web"] == "crash")
                try await Task.sleep(for: .seconds(3))
                if post.status == 3 {
                    let recovered = try await shell(stage.recover)
                    #expect(recovered.status == 0, "\(recovered.errors)")
                }
                try await stage.expectRelease(within: 10)
            }
        }

        @Test("A server that is gone at post and back later: post exits 3, and recover cleans")
        func serverGone() async throws {
            try await VSphereStage.with("vsphere-gone") { stage in
                let pre = try await shell(stage.pre("a"))
                #expect(pre.status == 0, "\(pre.errors)")
                try await stage.snapshot("a")
                try await stage.server.down()
                let post = try await shell(stage.post("a"))
                #expect(post.status == 3, "\(post.errors)")
                #expect(post.errors.contains("recover"), "\(post.errors)")
                #expect(try await stage.openRuns().count == 1)
                try await need(killGuards(stage.state))
                try await stage.server.up()
                #expect(try await stage.server.held() == ["db", "web"])
                let recovered = try await shell(stage.recover)
                #expect(recovered.status == 0, "\(recovered.errors)")
                try await stage.expectNothingLeft()
            }
        }

        @Test("A server that comes back is cleaned up by the watchdog; a late post says what that means")
        func guarded() async throws {
            try await VSphereStage.with("vsphere-guard", settings: "max_hold = 2") { stage in
                #expect(try await shell(stage.pre("a")).status == 0)
                try await stage.server.down()
                try await Task.sleep(for: .seconds(3))
                try await stage.server.up()
                try await need(
                    """
                    for i in $(seq 100); do
                        curl -sS \(stage.server.ready.ctl)/vms | grep -q 'stillpoint ' || exit 0; sleep 0.1
                    done; exit 1
                    """
                )
                try await stage.snapshot("a")
                let post = try await shell(stage.post("a"))
                #expect(post.errors.contains("did not come within 2 s"), "\(post.errors)")
                #expect(try await stage.got("a") == ["web": "crash", "db": "crash"])
                try await stage.expectNothingLeft()
            }
        }

        @Test("A deletion that fails for good stays in the run, is said, and is retried by recover")
        func deletionFails() async throws {
            try await VSphereStage.with("vsphere-undeleted") { stage in
                #expect(try await shell(stage.pre("a")).status == 0)
                try await stage.snapshot("a")
                try await stage.server.rules(
                    #"""
                    [{"method": "RemoveSnapshot_Task", "vm": "^web$", "callFault": "NoPermission", "message": "denied"}]
                    """#
                )
                let post = try await shell(stage.post("a"))
                #expect(post.status == 3, "\(post.errors)")
                #expect(post.errors.contains("web") && post.errors.contains("denied"), "\(post.errors)")
                #expect(try await stage.server.held() == ["web"])
                // The storage snapshot was taken in time: what the VMs got is true.
                #expect(try await stage.got("a") == ["web": "quiesced", "db": "quiesced"])
                try await stage.server.rules("[]")
                let recovered = try await shell(stage.recover)
                #expect(recovered.status == 0, "\(recovered.errors)")
                try await stage.expectRelease(within: 5)
            }
        }

        @Test("Sessions that expire between pre and post are opened again")
        func expired() async throws {
            try await VSphereStage.with("vsphere-expired") { stage in
                #expect(try await shell(stage.pre("a")).status == 0)
                try await stage.server.expire()
                try await stage.snapshot("a")
                let post = try await shell(stage.post("a"))
                #expect(post.status == 0, "\(post.errors)")
                try await stage.expectNothingLeft()
            }
        }

        @Test("Somebody else removes our snapshot, moves, deletes, reverts or stops the VM meanwhile: post is content")
        func meddling() async throws {
            let actions = ["remove-all", "migrate", "destroy", "revert", "poweroff", "snapshot"]
            try await concurrently(actions) { action, _ in try await meddle(action) }
        }

        private func meddle(_ action: String) async throws {
            let name = "vsphere-" + action
            let inventory = """
                {"nas": [\(try VSphereStage.datastore("nfs", name + "/nfs"))],
                 "vms": [\(VSphereStage.machine("web", "nfs", #", "snapshots": ["user"]"#)),
                         \(VSphereStage.machine("db", "nfs"))]}
                """
            try await VSphereStage.with(name, inventory: inventory) { stage in
                #expect(try await shell(stage.pre("a")).status == 0)
                try await stage.snapshot("a")
                try await stage.server.meddle("web", action, action == "snapshot" ? "later" : "user")
                let post = try await shell(stage.post("a"))
                #expect(post.status == 0, "\(action): \(post.errors)")
                try await stage.expectNothingLeft("\(action)")
                let kept = try await stage.server.machines()["web"]?.all.map(\.name)
                switch action {
                case "destroy": #expect(kept == nil, "\(action)")
                case "remove-all": #expect(kept == [])
                case "snapshot": #expect(kept == ["user", "later"])
                default: #expect(kept == ["user"], "\(action)")
                }
            }
        }
    }
}
