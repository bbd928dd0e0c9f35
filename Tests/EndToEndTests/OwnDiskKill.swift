import Glibc

/// A program that is killed at a durable step, and what comes before it.
struct OwnDiskKill {
    let name: String
    let prepare: String
    let program: String

    /// Every step takes seconds, since a guest is shut down and started; CI, which comes often, takes each tenth one, by chance
    /// from one of the first ten on.
    static let stride = getenv("CI") == nil ? 1 : 10

    func call(_ step: Int) -> String {
        "N=\(name)\(step)\n\(prepare)\nexport STILLPOINT_KILL_AT=\(step)\n\(program)"
    }

    static func rows(_ stage: Stage, _ debug: String) -> [OwnDiskKill] {
        let snapshot = "\(stage.dataset)@$N"
        let noWatchdog = "{ pkill -9 -f '^stillpoint-watchdog' || true; sleep 0.05; }"
        let pre = "\(stage.lab.preSnapshot) \(snapshot)"
        return [
            OwnDiskKill(name: "pre-snapshot", prepare: "true", program: "\(debug)/pre-snapshot \(snapshot)"),
            OwnDiskKill(
                name: "post-snapshot", prepare: "\(pre) && zfs snapshot \(snapshot) && \(noWatchdog)",
                program: "\(debug)/post-snapshot \(snapshot)"),
            OwnDiskKill(
                name: "recover", prepare: "\(pre) && \(noWatchdog)", program: "\(debug)/stillpoint recover"),
            OwnDiskKill(
                name: "watchdog",
                prepare: "\(pre) && \(noWatchdog); r=$(ls \(stage.lab.runs) | sed -n 's/[.]json$//p')",
                program: """
                    exec 9<>\(stage.lab.runs)/$r.guard; flock 9
                    exec -a stillpoint-watchdog \(debug)/pre-snapshot $r 9 1:1
                    """),
        ]
    }
}
