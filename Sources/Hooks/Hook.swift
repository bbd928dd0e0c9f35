internal import Configuration
package import Engine
internal import Glibc
internal import Hypervisor
internal import INIFile
internal import Logging
internal import RunState
package import SnapshotManagers
internal import ZFS

/// A hook program: reads what it was called for, does it, and says how it went by its exit code.
package enum Hook {
    /// What a hook has to do once it knows what it was called for.
    enum Step {
        /// Nothing more.
        case finished(ExitCode)
        /// Begins on the main thread, which nothing in it may hold up when there is a deadline.
        case work(@Sendable () async throws -> ExitCode)
    }

    /// Runs a hook to its end and gives the process's exit code; for the main thread of an executable.
    ///
    /// Most calls of a hook have nothing to do. Those end here, before the concurrency runtime has started a thread.
    package static func main(_ phase: Phase, _ context: HookContext) -> Int32 {
        surviveBrokenPipes()
        switch begin(phase, context) {
        case .finished(let code): return code.rawValue
        case .work(let body): return MainLoop().run { await finish(phase, context, body) }.rawValue
        }
    }

    /// Ends the process with what `main` gave.
    ///
    /// Not by exit(3): it would run the destructors of libvirt and the libraries below it, and so pull them from under a
    /// call that hangs in a thread of its own.
    package static func end(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }

    /// Runs a hook to its end, for callers that are asynchronous themselves.
    package static func run(_ phase: Phase, _ context: HookContext) async -> ExitCode {
        switch begin(phase, context) {
        case .finished(let code): code
        case .work(let body): await finish(phase, context, body)
        }
    }

    private static func begin(_ phase: Phase, _ context: HookContext) -> Step {
        do {
            if let call = GuardCall(context), let step = try watch(call, context) { return step }
            let invocation = try Invocation.read(
                phase: phase, arguments: context.arguments, environment: context.environment)
            let configuration = try context.configuration(invocation.configurationPath)
            switch phase {
            case .pre:
                return try PreSnapshot(context: context, invocation: invocation, configuration: configuration).begin()
            case .post:
                return try PostSnapshot(context: context, invocation: invocation, configuration: configuration).begin()
            case .prune:
                return PruneSnapshot(context: context, invocation: invocation, configuration: configuration).begin()
            }
        } catch let error as InvocationError where error.code == .helpRequested {
            print(error.message)
            return .finished(.done)
        } catch let error as InvocationError where error.code == .versionRequested {
            print("\(phase.program) \(stillpointVersion) (Stillpoint)")
            return .finished(.done)
        } catch {
            return .finished(explain(error, phase, context))
        }
    }

    /// - Returns: nil where it is no guard, but something that calls itself one.
    private static func watch(_ call: GuardCall, _ context: HookContext) throws -> Step? {
        let configuration = try context.configuration(nil)
        guard StateDirectory(configuration.stateDirectory).isGuardLock(call.lock, of: call.run) else { return nil }
        // Before any thread is there, so that all of them leave it to the one that waits for it.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigprocmask(SIG_BLOCK, &signals, nil)
        return .work {
            await withTaskExecutorPreference(globalConcurrentExecutor) {
                await Guard(
                    run: call.run, manager: call.manager, context: context, configuration: configuration
                ).watch()
            }
        }
    }

    private static func finish(
        _ phase: Phase, _ context: HookContext, _ body: @Sendable () async throws -> ExitCode
    ) async -> ExitCode {
        do {
            return try await body()
        } catch {
            return explain(error, phase, context)
        }
    }

    private static func explain(_ error: any Error, _ phase: Phase, _ context: HookContext) -> ExitCode {
        context.log.error("\(error)")
        switch error {
        case is InvocationError, is ConfigurationError, is INIError, is WorkFolderError, is UnknownDatasetError:
            return .usage
        case let error as HypervisorError where error.code == .misconfigured && phase == .pre: return .usage
        // Only opening a run can fail so in pre; then nothing has been touched.
        case is StateError: return phase == .pre ? .usage : .needsRecovery
        default: return phase == .pre ? .notConsistent : .needsRecovery
        }
    }
}
