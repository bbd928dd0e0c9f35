internal import Configuration
package import Engine
internal import Glibc
internal import Logging
internal import RunState
internal import Support
internal import SystemPackage
internal import ZFS

/// The operator's commands, each of which ends in an exit code and explains itself to the log.
package struct Operator: Sendable {
    /// Told of long work: what it is, and the bytes done and to do.
    package typealias Progress = @Sendable (_ what: String, _ done: UInt64, _ total: UInt64) -> Void

    let context: ProgramContext
    let configurationPath: String?
    let progress: Progress?

    /// - Parameter progress: nil where nobody watches.
    package init(_ context: ProgramContext, configuration: String?, progress: Progress? = nil) {
        self.context = context
        configurationPath = configuration
        self.progress = progress
    }

    /// Runs a command's body; errors become a line of the log and an exit code.
    /// - Parameters:
    ///   - salvages: that what can be understood of a configuration that is refused is enough.
    ///   - whenRefused: says that the configuration is refused; nil: the log does.
    func perform(
        salvaging salvages: Bool = false, whenRefused: ((ConfigurationError) -> Void)? = nil,
        _ body: (Configuration) async throws -> ExitCode
    ) async -> ExitCode {
        ignoreSIGPIPE()
        let configuration: Configuration
        do throws(ConfigurationError) {
            configuration = try self.configuration(salvaging: salvages)
        } catch {
            if let whenRefused { whenRefused(error) } else { context.log.error("\(error)") }
            return ExitCode(of: error, phase: nil)
        }
        do {
            return try await body(configuration)
        } catch {
            context.log.error("\(error)")
            return ExitCode(of: error, phase: nil)
        }
    }

    private func configuration(salvaging salvages: Bool) throws(ConfigurationError) -> Configuration {
        do throws(ConfigurationError) {
            return try context.configuration(configurationPath)
        } catch {
            guard salvages, let rest = context.salvagedConfiguration(configurationPath) else { throw error }
            context.log.error("\(error); who is told of runs is told of this")
            return rest
        }
    }

    func catalogue(_ configuration: Configuration) -> Catalogue {
        Catalogue(StateDirectory(configuration.stateDirectory))
    }

    /// Prints a value for programs.
    /// - Throws: JSONError.
    func write(json value: some Encodable) throws {
        write(String(decoding: try StateFile.text(value), as: UTF8.self) + "\n")
    }

    /// Standard output.
    var terminal: Terminal { Terminal(descriptor: STDOUT_FILENO, environment: context.environment) }
    var palette: Palette { Palette(isOn: terminal.hasColour) }

    /// Says what people read, line by line.
    /// - Parameter paint: gives colours to a line that is fit for a terminal.
    func say(_ text: String, paint: (String) -> String = { $0 }) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        write(lines.map { paint(printable(String($0), limit: 4000)) }.joined(separator: "\n"))
    }

    /// Says sentences, in lines that are no wider than the terminal.
    func sayWrapped(_ text: String) {
        let width = terminal.width
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        say(lines.map { wrapped(printable(String($0), limit: 4000), to: width) }.joined(separator: "\n"))
    }

    /// Writes a table, a part after another: it may have a hundred thousand rows.
    func write(_ table: Table) {
        var part = ""
        for line in table.lines(for: terminal) {
            part += line
            part += "\n"
            guard part.utf8.count >= 1 << 16 else { continue }
            write(part)
            part = ""
        }
        write(part)
    }

    /// Writes what a program reads as it is.
    func write(_ text: String) {
        // Nobody is left to tell when standard output is closed.
        _ = try? FileDescriptor.standardOutput.writeAll(text.utf8)
    }
}
