import Glibc
import Testing

extension RealParts {
    @Suite("The crash matrix", .enabled(if: Lab.here?.debugBinaries != nil, "needs debug binaries: run 'make test'"))
    struct CrashMatrixTests {
        private let guests = [Stage.Guest(name: "disks", disks: 2), Stage.Guest(name: "ram")]

        /// A program, what comes before it, and how it is called; `KILL` stands for the step.
        private struct Row {
            let name: String
            let prepare: String
            let call: String
        }

        private func rows(_ stage: Stage, _ debug: String) -> [Row] {
            let snapshot = "\(stage.dataset)@$N"
            let pre = "\(stage.lab.preSnapshot) \(snapshot)"
            let killGuard = "pkill -9 -f '^stillpoint-watchdog' || true; sleep 0.05"
            let run = "$(ls \(stage.lab.runs) | sed -n 's/[.]json$//p')"
            return [
                Row(
                    name: "pre-snapshot", prepare: "true",
                    call: "STILLPOINT_KILL_AT=KILL \(debug)/pre-snapshot \(snapshot)"),
                Row(
                    name: "post-snapshot", prepare: "\(pre) && zfs snapshot \(snapshot) && { \(killGuard); }",
                    call: "STILLPOINT_KILL_AT=KILL \(debug)/post-snapshot \(snapshot)"),
                Row(
                    name: "recover", prepare: "\(pre) && { \(killGuard); }",
                    call: "STILLPOINT_KILL_AT=KILL \(debug)/stillpoint recover"),
                Row(
                    name: "guard", prepare: "\(pre) && { \(killGuard); }",
                    call:
                        """
                        (r=\(run); exec 9<>\(stage.lab.runs)/$r.guard; flock 9
                        STILLPOINT_KILL_AT=KILL exec -a stillpoint-watchdog \(debug)/pre-snapshot $r 9 1:1)
                        """
                ),
                Row(
                    name: "archive",
                    prepare: """
                        sed -i '/^cold_storage/d' \(stage.lab.configuration)
                        \(pre) && zfs snapshot \(snapshot) && \(stage.lab.postSnapshot) \(snapshot)
                        sed -i '/^ram_dir/a cold_storage = \(stage.cold)' \(stage.lab.configuration)
                        for point in /var/lib/stillpoint/restore-points/*.json; do : > ${point%.json}.archive; done
                        """,
                    call: "STILLPOINT_KILL_AT=KILL \(debug)/stillpoint archive"),
            ]
        }

        @Test(
            "kill -9 at every durable step of every program: recover brings every guest to its own disks, nothing lost")
        func matrix() async throws {
            let policy = "[vm ram]\nstrategy = memory, quiesce"
            let lab = try #require(Lab.here)
            let debug = try #require(lab.debugBinaries)
            try await need("rm -rf \(lab.folder)/cold /var/lib/stillpoint; mkdir \(lab.folder)/cold")
            let configuration = "ram_dir = \(lab.overlays)\ncold_storage = \(lab.folder)/cold\n\(policy)"
            try await Stage.with("matrix", guests, configuration: configuration) { stage in
                // Every step takes minutes; CI, which comes often, takes each fifth one, by chance from one of the first five on.
                let stride = getenv("CI") == nil ? 1 : 5
                let first = Int.random(in: 1...stride)
                var number = 0
                for row in rows(stage, debug) {
                    var survived = 0
                    for (tried, step) in Swift.stride(from: first, through: 200, by: stride).enumerated() {
                        number += 1
                        let call = "N=\(number)\n" + row.prepare + "\n" + row.call.replacingKill(with: "\(step)")
                        let outcome = try await shell(call)
                        // Killed means 128 + 9; anything else is an end that was never reached.
                        let wasKilled = outcome.status == 137
                        try await need("pkill -9 -f '^stillpoint-watchdog' || true; sleep 0.05")
                        let recovered = try await shell("\(stage.stillpoint) recover")
                        #expect(
                            recovered.status == 0, "\(row.name), step \(step): \(outcome.errors)\(recovered.errors)")
                        try await need("\(stage.stillpoint) archive")
                        try await stage.expectNothingLeft()
                        survived += recovered.status == 0 ? 1 : 0
                        try await need(
                            "zfs list -H -o name -t snapshot -r \(stage.dataset) | while read s; do zfs destroy $s; done; \(stage.stillpoint) prune --orphans"
                        )
                        #expect(try await need("find \(stage.cold) -type f").isEmpty, "\(row.name), step \(step)")
                        if !wasKilled {
                            let which = stride == 1 ? "" : " (each fifth one from \(first) on)"
                            print("crash matrix: \(row.name): \(tried) steps\(which), \(survived - 1) survived")
                            #expect(tried > 0, "\(row.name) was never killed: \(outcome.errors)")
                            break
                        }
                    }
                }
                for guest in guests {
                    let durable = try await stage.durable(guest, "vda")
                    try await stage.expectCleanShutdown(
                        guest.name, image: stage.image(guest, "vda"), atLeast: durable)
                    try await need("fsck.ext4 -fn \(stage.image(guest, "vda"))")
                }
            }
        }
    }
}

extension String {
    fileprivate func replacingKill(with step: String) -> String {
        split(separator: "KILL_AT=KILL", omittingEmptySubsequences: false).joined(separator: "KILL_AT=\(step)")
    }
}
