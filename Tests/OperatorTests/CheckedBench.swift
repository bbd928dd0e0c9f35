import Glibc
import HostFixtures
import Hypervisor
import RunState
import SnapshotManagers
import Support
import TestSupport
import ZFS

@testable import Engine
@testable import Operator

/// A host on which nothing is amiss: web01 on tank/VM, which sanoid snapshots with our hooks.
struct CheckedBench {
    let pool: PoolBench
    var user = ProgramUser.ofThisProcess
    var zfsTimeout = Duration.seconds(20)

    var bench: HookBench { pool.bench }
    var scratch: ScratchFolder { pool.scratch }
    var hooks: String { scratch.path + "/hooks" }

    /// What a section of sanoid.conf needs.
    var lines: String {
        """
        hourly = 24
        autosnap = yes
        autoprune = yes
        pre_snapshot_script = \(hooks)/pre-snapshot
        post_snapshot_script = \(hooks)/post-snapshot
        pruning_script = \(hooks)/prune-snapshot
        script_timeout = 120

        """
    }

    /// Writes sanoid.conf; by default one section of tank/VM.
    func sanoid(_ text: String? = nil) throws {
        try scratch.write("sanoid/sanoid.conf", text ?? "[tank/VM]\n\(lines)")
    }

    /// The same without the lines of a key, and with others.
    func sanoid(without key: String = "nothing", adding more: String = "") throws {
        let kept = lines.split(separator: "\n").filter { !$0.hasPrefix(key) }.joined(separator: "\n")
        try sanoid("[tank/VM]\n\(kept)\n\(more)\n")
    }

    /// A program of the host.
    func program(_ path: String, _ text: String = "exit 0") throws {
        try scratch.write("host/\(path)", "#!/bin/sh\n\(text)\n", mode: 0o755)
    }

    /// systemd runs, and says this of its units.
    func systemd(_ units: [String: String]) throws {
        try scratch.folder("host/run/systemd/system")
        let text = units.sorted { $0.key < $1.key }.map { "Id=\($0.key)\nLoadState=loaded\n\($0.value)\n" }
        let path = try scratch.write("units", text.joined(separator: "\n"))
        try program("usr/bin/systemctl", "cat \(path)")
    }

    /// web01 wrote so much during a snapshot today.
    func wrote(_ bytes: UInt64) throws {
        try bench.directory.prepare()
        var record = try makeRecord("web01")
        record.overlayBytes = bytes
        try RunHistory(bench.directory).append(makeRun(.make(), machines: [record]), .released)
        for name in ["tank", "tank/VM"] { try pool.pool.add(name, ["available": "\(1 << 40)"]) }
    }

    /// A restore point with a RAM dump of web01, whose file is there.
    func dump(run: RunID = .make(), problem: String? = nil) throws -> StoredDump {
        var dump = try pool.dump()
        dump.problem = problem
        try pool.keep([keptMachine(dump: dump)], run: run)
        return dump
    }

    /// The folder is one of a tmpfs.
    func mountTmpfs(_ folder: String) throws {
        let table = try text(scratch, "proc/self/mountinfo")
        try scratch.write("proc/self/mountinfo", table + "9 1 0:99 / \(scratch.path)/\(folder) rw - tmpfs tmpfs rw\n")
    }

    func report() async throws -> CheckReport {
        var context = bench.context()
        context.user = user
        context.zfs = ZFSCommand(executable: scratch.path + "/bin/zfs", timeout: zfsTimeout)
        context.executable = hooks + "/pre-snapshot"
        let configuration = try context.configuration(scratch.path + "/stillpoint.conf")
        return try await PreflightCheck(
            configuration: configuration, context: context, hypervisors: Hypervisors(configuration, context),
            host: CheckedHost(root: scratch.path + "/host")
        ).run()
    }
}

func withCheckedBench(
    general: String = "", sections: String = "", _ body: (inout CheckedBench) async throws -> Void
) async throws {
    let told = general.contains("metrics_file") ? "" : "\nmetrics_file = SCRATCH/overlays/stillpoint.prom"
    try await withPool(general: general + told, sections: sections) { pool async throws in
        var checked = CheckedBench(pool: pool)
        pool.bench.has(pool.machine())
        for hook in ["pre", "post", "prune"] {
            try pool.scratch.write("hooks/\(hook)-snapshot", "#!/bin/sh\n", mode: 0o755)
        }
        try pool.scratch.folder("host/usr/sbin")
        try checked.sanoid()
        try await body(&checked)
    }
}
