internal import Logging
internal import SnapshotManagers
internal import Storage

/// A hook program: reads what it was called for, does it, and says how it went by its exit code.
public enum Hook {
    /// The version that `--version` prints.
    public static let version = "0.1.0"

    /// pre-snapshot: brings the VMs to their still point.
    public static func preSnapshot(_ context: HookContext) async -> ExitCode {
        await run(.pre, context) { try await PreSnapshot(context: context, invocation: $0, configuration: $1).run() }
    }

    /// post-snapshot: sets them going on their own disks again.
    public static func postSnapshot(_ context: HookContext) async -> ExitCode {
        await run(.post, context) { try await PostSnapshot(context: context, invocation: $0, configuration: $1).run() }
    }

    private static func run(
        _ phase: Phase, _ context: HookContext, _ body: (Invocation, Configuration) async throws -> ExitCode
    ) async -> ExitCode {
        do {
            let invocation = try Invocation.read(
                phase: phase, arguments: context.arguments, environment: context.environment)
            return try await body(invocation, try context.configuration(invocation.configurationPath))
        } catch let error as InvocationError where error.code == .helpRequested {
            print(error.message)
            return .done
        } catch let error as InvocationError where error.code == .versionRequested {
            print("\(phase.program) \(version) (Stillpoint)")
            return .done
        } catch {
            context.log.error("\(error)")
            return exitCode(for: error, in: phase)
        }
    }

    private static func exitCode(for error: any Error, in phase: Phase) -> ExitCode {
        switch error {
        case is InvocationError, is ConfigurationError, is OverlayDirectoryError, is UnknownDatasetError: .usage
        // Only opening a run can fail here in pre; then nothing has been touched.
        case is StateError: phase == .pre ? .usage : .needsRecovery
        default: phase == .pre ? .notConsistent : .needsRecovery
        }
    }
}

/// A dataset that is not there.
struct UnknownDatasetError: Error, CustomStringConvertible {
    let dataset: DatasetName
    var description: String {
        "the dataset \(dataset) does not exist; 'zfs list' shows those that do"
    }
}
