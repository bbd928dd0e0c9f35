package import Configuration
package import Engine
import Glibc
package import Hooks
package import Hypervisor
package import Operator
package import RunState
package import SnapshotManagers
import Support
package import TestSupport
import ZFS

/// Everything a hook needs: a host of folders, a fake hypervisor and a fake zfs; only Stillpoint itself is real.
package struct HookBench: Sendable {
    package let scratch: ScratchFolder
    package let world: FakeWorld
    package let zfs: FakeZFS
    package let log = LogRecorder()
    private let roots: SystemRoots
    private let configurationPath: String
    /// Whose rights the hooks have.
    package var user = ProgramUser.ofThisProcess
    /// The hook's own file; nil: it starts nothing.
    package var executable: String?

    package var statePath: String { scratch.path + "/state" }
    package var directory: StateDirectory { StateDirectory(statePath) }

    init(_ host: HostFixture, general: String, sections: String) throws {
        scratch = host.scratch
        roots = host.roots
        let path = scratch.path
        world = FakeWorld(uri: "fake://\(path)", stateDirectory: path + "/state")
        zfs = try FakeZFS(
            scratch, existing: ["tank/VM", "tank/VM@daily", "tank/VM/db", "tank/VM/db@daily", "tank/quiet"])
        configurationPath = try scratch.write(
            "stillpoint.conf",
            """
            [hypervisor local]
            kind = fake
            uri  = \(world.uri)

            \(sections.replacingScratch(with: path))

            [stillpoint]
            sanoid_dir = \(path)/sanoid
            \(general.contains("state_dir") ? "" : "state_dir = \(path)/state")
            \(general.contains("overlay_dir") ? "" : "overlay_dir = \(path)/overlays")
            \(general.contains("ram_dir") ? "" : "ram_dir = \(path)/ram")
            \(general.replacingScratch(with: path))

            """)
    }

    /// Runs a hook; `arguments` default to the snapshot tank/VM@daily.
    @discardableResult
    package func run(
        _ phase: Phase, _ arguments: [String] = ["tank/VM@daily"], environment: [String: String] = [:]
    ) async -> ExitCode {
        let context = context(["--config", configurationPath] + arguments, environment)
        if phase == .pre { _ = try? scratch.write("in-pre", "") }
        defer { unlink(scratch.path + "/in-pre") }
        // On a thread of its own, as a hook has its process's first one.
        let code = try? await blocking("a hook", within: .seconds(300)) { Hook.main(phase, context) }
        return code.flatMap { ExitCode(rawValue: $0) } ?? .needsRecovery
    }

    /// Changes the configuration's text.
    package func reconfigure(_ change: (String) -> String) throws {
        try scratch.write("stillpoint.conf", change(text(scratch, "stillpoint.conf")))
    }

    /// Runs `stillpoint snapshot`.
    @discardableResult
    package func take(
        _ names: [String] = ["tank/VM@before"], isRecursive: Bool = false, isDryRun: Bool = false,
        types: [String] = [], interruption: Interruption = Interruption(), zfsTimeout: Duration = .seconds(20)
    ) async -> ExitCode {
        var context = context()
        context.zfs = ZFSCommand(executable: scratch.path + "/bin/zfs", timeout: zfsTimeout)
        let command = SnapshotCommand(
            names, isRecursive: isRecursive, isDryRun: isDryRun, types: types,
            configurationPath: configurationPath, context, interruption: interruption)
        // Its caller's thread is a process's first one.
        return (try? await blocking("a snapshot", within: .seconds(300)) { command.main() }) ?? .needsRecovery
    }

    /// The operator's commands on the same host.
    package var operating: Operator { Operator(context(), configuration: configurationPath) }

    /// What the configuration's text says.
    package var configuration: Configuration {
        get throws { try context().configuration(configurationPath) }
    }

    package func context(_ arguments: [String] = [], _ environment: [String: String] = [:]) -> ProgramContext {
        var context = ProgramContext(
            arguments: arguments, environment: environment, backEnds: [FakeHypervisor.self, FakeVSphere.self],
            roots: roots,
            zfs: zfs.command, log: log.logger)
        context.user = user
        context.executable = executable
        return context
    }

    /// The runs that wait for their release.
    package func openRuns() throws -> [Run] {
        try directory.openRunIDs().map { try directory.read($0) }
    }

    /// The one VM of the one open run.
    package func onlyRecord() throws -> VMRecord {
        let records = try openRuns().flatMap(\.machines)
        try required(records.count == 1)
        return try required(records.first)
    }

    package func has(_ machines: VirtualMachine...) {
        world.change { $0.list = { machines } }
    }
}

/// - Parameters:
///   - general: lines for `[stillpoint]`; `SCRATCH` stands for the test's folder.
///   - sections: further sections.
package func withBench(
    general: String = "", sections: String = "", _ body: (HookBench, HostFixture) async throws -> Void
) async throws {
    try await withScratchFolder { scratch in
        let host = try HostFixture(scratch)
        let bench = try HookBench(host, general: general, sections: sections)
        defer { bench.world.forget() }
        try await body(bench, host)
    }
}

extension String {
    fileprivate func replacingScratch(with path: String) -> String {
        split(separator: "SCRATCH", omittingEmptySubsequences: false).joined(separator: path)
    }
}

/// The failures that a back end reports.
package func refusal(_ remedy: HypervisorError.Remedy, _ message: String = "the agent is asleep") -> HypervisorError {
    HypervisorError(.notQuiesced, message, remedy: remedy)
}
