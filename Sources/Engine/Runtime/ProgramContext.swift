package import Configuration
package import Hypervisor
package import Logging
package import Support
package import ZFS

/// What a program has of the outside world.
package struct ProgramContext: Sendable {
    /// The command line, without the program's name.
    package var arguments: [String]
    /// The environment variables.
    package var environment: [String: String]
    /// The kinds of hypervisor that this program has.
    package var backEnds: [any HypervisorBackEnd.Type]
    /// Where `/proc`, `/sys` and `/dev` are.
    package var roots: SystemRoots
    /// The `zfs` program.
    package var zfs: ZFSCommand
    /// This program's own file, for what it leaves running behind it; nil: it leaves nothing.
    package var executable: String?
    /// The program's name for itself, as its starter gave it (`argv[0]`).
    package var calledAs: String?
    /// Whose rights this process has.
    package var user = ProgramUser.ofThisProcess
    /// Where an administrator is told something.
    package var log: Logger

    /// - Parameter arguments: without the program's name.
    package init(
        arguments: [String], environment: [String: String], backEnds: [any HypervisorBackEnd.Type],
        roots: SystemRoots = SystemRoots(), zfs: ZFSCommand? = nil, executable: String? = nil,
        calledAs: String? = nil, log: Logger? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.backEnds = backEnds
        self.roots = roots
        self.zfs = zfs ?? .ofThisHost(environment: environment)
        self.executable = executable
        self.calledAs = calledAs
        self.log = log ?? StandardErrorLog.logger(environment: environment)
    }

    package func configuration(_ path: String?) throws(ConfigurationError) -> Configuration {
        try Configuration.load(path: path, environment: environment, kinds: backEnds.map { $0.kind })
    }

    /// What is to be told to whom, of a configuration that is refused; nil: that cannot be read either.
    package func salvagedConfiguration(_ path: String?) -> Configuration? {
        Configuration.salvaged(path: path, environment: environment)
    }
}
