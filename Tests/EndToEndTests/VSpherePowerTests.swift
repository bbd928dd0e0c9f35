import Testing

/// What goes wrong with a VM that is suspended or shut down, and what must come of it.
struct PowerCase: Sendable {
    let name: String
    let strategy: String
    /// As Tests/vcsim/rules.go reads it.
    let rules: String
    /// The VM's power state after pre.
    var held: String
    /// What it gets.
    var got: String
    /// A word that the report has of it, where something is to be said.
    var word: String?
    /// The exit code of post-snapshot.
    var post = 0

    /// In seconds.
    var maxHold: Int { post == 3 ? 9 : 300 }

    static let all: [PowerCase] = [
        pause(
            "the answer to a suspension that takes its time is lost",
            #"{\#(suspend), "dropAfter": true, "taskDelayMs": 900, "times": 1}"#),
        pause("a suspension meets another task twice", #"{\#(suspend), "taskFault": "TaskInProgress", "times": 2}"#),
        pause(
            "a suspension is not supported", #"{\#(suspend), "taskFault": "NotSupported"}"#, held: "poweredOn",
            word: "NotSupported"),
        pause(
            "a suspension does not end and is cancelled", #"{\#(suspend), "stuck": true}"#, held: "poweredOn",
            word: "cancelled"),
        pause("the answer to a resumption is lost", #"{\#(start), "dropAfter": true, "taskDelayMs": 500, "times": 1}"#),
        pause("a resumption meets another task", #"{\#(start), "callFault": "TaskInProgress", "times": 2}"#),
        shutdown("the answer to a shutdown is lost", #"{\#(shut), "dropAfter": true, "times": 1}"#),
        shutdown(
            "the tools have ended since", #"{\#(shut), "callFault": "ToolsUnavailable"}"#, held: "poweredOn",
            got: "crash", word: "Tools"),
        shutdown(
            "the guest ignores it", #"{\#(shut), "stuck": true}"#, held: "poweredOn", got: "crash",
            word: "did not shut down in time", post: 3),
        shutdown("the host is busy at the start", #"{\#(start), "taskFault": "HostCommunication", "times": 2}"#),
    ]

    private static let suspend = #""method": "SuspendVM_Task", "vm": "^web$""#
    private static let start = #""method": "PowerOnVM_Task", "vm": "^web$""#
    private static let shut = #""method": "ShutdownGuest", "vm": "^web$""#

    private static func pause(
        _ name: String, _ rules: String, held: String = "suspended", word: String? = nil
    ) -> PowerCase {
        PowerCase(name: name, strategy: "pause", rules: "[" + rules + "]", held: held, got: "crash", word: word)
    }

    private static func shutdown(
        _ name: String, _ rules: String, held: String = "poweredOff", got: String = "off", word: String? = nil,
        post: Int = 0
    ) -> PowerCase {
        PowerCase(
            name: name, strategy: "shutdown", rules: "[" + rules + "]", held: held, got: got, word: word, post: post)
    }
}

extension RealParts {
    @Suite("vSphere: VMs that are suspended or shut down for a snapshot")
    struct VSpherePowerTests {
        @Test(
            "Each strategy in one run: held until post, then all power states are as before, and each fallback says why"
        )
        func wholeRun() async throws {
            let name = "vsphere-power"
            let machine = VSphereStage.machine
            let machines = [
                machine("sleepy", "nfs", ""), machine("down", "nfs", ""), machine("plain", "nfs", ""),
                machine("icy", "nfs", ""), machine("mute", "nfs", #", "tools": "guestToolsNotRunning""#),
                machine("gpu", "nfs", #", "pciPassthrough": true"#), machine("asleep", "nfs", #", "suspended": true"#),
                machine("off", "nfs", #", "poweredOff": true"#),
                #"""
                {"name": "scratch", "datastore": "nfs",
                 "disks": [{"datastore": "nfs", "mode": "independent_nonpersistent"}]}
                """#,
                machine("whole", "nfs", ""), #"{"name": "apart", "datastore": "far", "disks": [{"datastore": "nfs"}]}"#,
            ]
            let datastores = try [
                VSphereStage.datastore("nfs", name + "/nfs"),
                VSphereStage.datastore("far", name + "/nfs", host: "192.0.2.7"),
            ]
            let inventory = """
                {"nas": [\(datastores.joined(separator: ", "))], "vms": [\(machines.joined(separator: ", "))]}
                """
            let sections = [
                ("sleepy", "pause"), ("down", "shutdown"), ("icy", "freeze, crash-consistent"),
                ("mute", "shutdown, crash-consistent"), ("gpu", "pause, crash-consistent"), ("asleep", "pause"),
                ("off", "shutdown"), ("scratch", "shutdown, crash-consistent"),
                ("whole", "memory"), ("apart", "memory, crash-consistent"),
            ].map { "[vm \($0)]\nstrategy = \($1)\n" }.joined()
            try await VSphereStage.with(
                name, inventory: inventory, settings: "freeze_limit = 30", hypervisor: sections
            ) { stage in
                let before = try await stage.server.machines().mapValues(\.power)
                let pre = try await shell(stage.pre("a"))
                #expect(pre.status == 0, "\(pre.errors)")
                var held = before
                held["sleepy"] = "suspended"
                held["down"] = "poweredOff"
                #expect(try await stage.server.machines().mapValues(\.power) == held, "\(pre.errors)")
                #expect(try await stage.server.held() == ["plain", "whole"])
                try await stage.snapshot("a")
                let post = try await shell(stage.post("a"))
                #expect(post.status == 0, "\(post.errors)")
                try await stage.expectNothingLeft()
                #expect(try await stage.server.machines().mapValues(\.power) == before)
                let got = [
                    "sleepy": "crash", "down": "off", "plain": "quiesced", "icy": "crash", "mute": "crash",
                    "gpu": "crash", "asleep": "off", "off": "off", "scratch": "crash",
                    "whole": "memory", "apart": "crash",
                ]
                #expect(try await stage.got("a") == got, "\(post.errors)")
                for (name, reason) in [
                    ("icy", "cannot have its file systems frozen"), ("mute", "Tools"), ("gpu", "PCI"),
                    ("scratch", "not persistent"), ("apart", "RAM would go to [far]"),
                    ("sleepy", "RAM is in its files"),
                ] {
                    let said = pre.errors + post.errors
                    let line = said.split(separator: "\n").first { $0.contains("stillpoint: \(name): ") }
                    #expect(line?.contains(reason) == true, "\(name): \(said)")
                }
                let calls = try await stage.server.counts().byMethod
                #expect(calls["SuspendVM_Task"] == 1 && calls["ShutdownGuest"] == 1 && calls["PowerOnVM_Task"] == 2)
            }
        }

        @Test("When something goes wrong the VM runs again, and what is said of it is true")
        func troubles() async throws {
            async let asked: Void = question()
            try await concurrently(PowerCase.all) { trouble, index in try await cycle(trouble, index) }
            try await asked
        }

        private func cycle(_ trouble: PowerCase, _ index: Int) async throws {
            try await VSphereStage.with(
                "vsphere-power\(index)",
                settings: "strategy = quiesce, crash-consistent\nshutdown_timeout = 2\nmax_hold = \(trouble.maxHold)",
                hypervisor: "[vm web]\nstrategy = \(trouble.strategy), crash-consistent"
            ) { stage in
                try await stage.server.rules(trouble.rules)
                let pre = try await shell(stage.pre("a", options: "--deadline 6"))
                #expect(pre.status == 0, "\(trouble.name): \(pre.errors)")
                #expect(try await stage.server.machines()["web"]?.power == trouble.held, "\(trouble.name)")
                try await stage.snapshot("a")
                let post = try await shell(stage.post("a"))
                let said = "\(trouble.name): \(pre.errors)\(post.errors)"
                #expect(post.status == trouble.post, "\(said)")
                // A guest that was asked to shut down may do so yet, until max_hold.
                let isEnded = "\(stage.recover) > /dev/null 2>&1 && exit"
                if trouble.post == 3 { try await need("for i in $(seq 15); do \(isEnded); sleep 1; done; exit 1") }
                #expect(try await stage.got("a") == ["web": trouble.got, "db": "quiesced"], "\(said)")
                #expect(try await stage.server.machines()["web"]?.power == "poweredOn", "\(said)")
                try await stage.expectNothingLeft("\(trouble.name)")
                if let word = trouble.word {
                    let line = said.split(separator: "\n").first { $0.contains("web: ") }
                    #expect(line?.contains(word) == true, "\(said)")
                }
            }
        }

        /// A VM that waits for an answer keeps the run open and is said to; answered, recover has it run.
        private func question() async throws {
            try await VSphereStage.with("vsphere-question", settings: "strategy = pause") { stage in
                #expect(try await shell(stage.pre("a")).status == 0)
                try await stage.snapshot("a")
                try await stage.server.rules(
                    #"[{"method": "PowerOnVM_Task", "vm": "^web$", "question": "Was it moved?", "times": 1}]"#)
                let post = try await shell(stage.post("a"))
                #expect(post.status == 3, "\(post.errors)")
                #expect(post.errors.contains("Was it moved?"), "\(post.errors)")
                #expect(try await stage.server.machines()["db"]?.power == "poweredOn")
                try await need(killGuards(stage.state))
                try await stage.server.meddle("web", "answer")
                let recovered = try await shell(stage.recover)
                #expect(recovered.status == 0, "\(recovered.errors)")
                #expect(try await stage.server.machines()["web"]?.power == "poweredOn")
                try await stage.expectRelease(within: 5)
            }
        }

        @Test(
            "kill -9 at every durable step, and in the middle of a suspension or shutdown: recover has every VM run",
            .enabled(if: Lab.here?.debugBinaries != nil, "needs debug binaries: run 'make test'"))
        func kills() async throws {
            async let shutting: Void = killBetween("db", "ShutdownGuest")
            async let suspending: Void = killBetween("web", "SuspendVM_Task")
            try await concurrently(["pre-snapshot", "post-snapshot"]) { program, _ in try await matrix(program) }
            _ = try await (shutting, suspending)
        }

        private func killBetween(_ slow: String, _ method: String) async throws {
            try await VSphereStage.with(
                "vsphere-killed-" + slow, settings: "shutdown_timeout = 20",
                hypervisor: "[vm web]\nstrategy = pause\n[vm db]\nstrategy = shutdown"
            ) { stage in
                try await stage.server.rules(
                    #"[{"method": "\#(method)", "vm": "^\#(slow)$", "taskDelayMs": 2500}]"#)
                try await need(
                    """
                    \(stage.pre("a")) > /dev/null 2>&1 < /dev/null & pre=$!
                    for i in $(seq 100); do
                        curl -sS \(stage.server.ready.ctl)/counts | grep -q '"\(method)":' && break; sleep 0.1
                    done
                    kill -9 $pre
                    """)
                try await need(killGuards(stage.state))
                #expect(try await stage.server.machines()[slow]?.power == "poweredOn", "\(method)")
                let recovered = try await shell(stage.recover)
                #expect(recovered.status == 0, "\(method): \(recovered.errors)")
                try await stage.expectRelease(within: 5, "\(method)")
                let off = try await stage.server.machines().values.filter { $0.power != "poweredOn" }.map(\.name)
                #expect(off.isEmpty, "\(method): \(recovered.errors)")
            }
        }

        private func matrix(_ program: String) async throws {
            let debug = try #require(Lab.here?.debugBinaries)
            try await VSphereStage.with(
                "vsphere-power-" + program, settings: "shutdown_timeout = 1",
                hypervisor: "[vm web]\nstrategy = pause\n[vm db]\nstrategy = shutdown"
            ) { stage in
                for step in 1...60 {
                    let call = program == "pre-snapshot" ? stage.pre("s\(step)") : stage.post("s\(step)")
                    if program == "post-snapshot" {
                        try await need("\(stage.pre("s\(step)")) 2>/dev/null")
                        try await need(killGuards(stage.state))
                        try await stage.snapshot("s\(step)")
                    }
                    let killed = try await shell(
                        "STILLPOINT_KILL_AT=\(step) \(call.replacing(stage.lab.binaries, with: debug))")
                    for _ in 1...5 {
                        try await need(killGuards(stage.state) + "; sleep 0.05")
                        let recovered = try await shell(stage.recover)
                        #expect(recovered.status == 0, "\(program), step \(step): \(killed.errors)\(recovered.errors)")
                        if try await stage.openRuns().isEmpty { break }
                    }
                    try await stage.expectNothingLeft("\(program), step \(step)")
                    let off = try await stage.server.machines().values.filter { $0.power != "poweredOn" }.map(\.name)
                    #expect(off.isEmpty, "\(program), step \(step): \(killed.errors)")
                    guard killed.status == 137 else {
                        print("vSphere power matrix: \(program): \(step - 1) steps")
                        #expect(step > 2, "\(program) was never killed: \(killed.errors)")
                        break
                    }
                }
            }
        }
    }
}
