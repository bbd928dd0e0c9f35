internal import Configuration
package import Engine
internal import Glibc
internal import Logging
package import SnapshotManagers

/// A hook program: reads what it was called for, does it, and says how it went by its exit code.
package enum Hook {
    /// Runs a hook to its end and gives the process's exit code; for the main thread of an executable.
    ///
    /// A hook that has nothing to do without asking anybody ends before the concurrency runtime has started a thread.
    package static func main(_ phase: Phase, _ context: ProgramContext) -> Int32 {
        ignoreSIGPIPE()
        do {
            return try run(phase, context).rawValue
        } catch let error as InvocationError where error.code == .helpRequested {
            print(error.message)
            return ExitCode.done.rawValue
        } catch let error as InvocationError where error.code == .versionRequested {
            print("\(phase.program) \(stillpointVersion) (Stillpoint)")
            return ExitCode.done.rawValue
        } catch {
            context.log.error("\(error)")
            return ExitCode(of: error, phase: phase).rawValue
        }
    }

    /// The exit code of the watchdog that this program was started as; nil where it is something else. `stillpoint snapshot`
    /// leaves one behind, too.
    package static func watchdog(_ context: ProgramContext) -> Int32? {
        do {
            return try Watchdog(calledIn: context)?.main().rawValue
        } catch {
            context.log.error("\(error)")
            return ExitCode(of: error, phase: .post).rawValue
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

    private static func run(_ phase: Phase, _ context: ProgramContext) throws -> ExitCode {
        if let watchdog = try Watchdog(calledIn: context) { return watchdog.main() }
        let invocation = try Invocation.read(
            phase: phase, arguments: context.arguments, environment: context.environment)
        let configuration: Configuration
        do throws(ConfigurationError) {
            configuration = try context.configuration(invocation.configurationPath)
        } catch {
            if phase == .pre { PreSnapshot.tell(of: error, invocation, context) }
            throw error
        }
        switch phase {
        case .pre: return try PreSnapshot(context: context, invocation: invocation, configuration: configuration).run()
        case .post:
            return try PostSnapshot(context: context, invocation: invocation, configuration: configuration).run()
        case .prune:
            return try PruneSnapshot(context: context, invocation: invocation, configuration: configuration).run()
        }
    }
}
