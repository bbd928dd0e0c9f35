import ArgumentParser
import Engine
import Operator

struct Trust: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say which other hosts' replicas may be restored here.",
        discussion: """
            What Stillpoint keeps of a VM in a snapshot is sealed with a key of the host that took it. On that host \
            'stillpoint trust --show' prints a key for those that receive its replicas; 'stillpoint trust FILE' imports it \
            here, once. Bring it by a way that nobody else can change: who can seal with it is believed here as root of \
            that host is, with any definition of a VM. The host that it comes from does not believe it. An example is in \
            examples/replica.conf.

            Examples:
                stillpoint trust --show | ssh replica.example.com stillpoint trust -
                stillpoint trust --list
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "A file with another host's key; '-' for standard input.", completion: .file())
    var file: String?
    @Flag(help: "Print this host's key for others.") var show = false
    @Flag(help: "List the keys that were imported.") var list = false
    @Option(help: ArgumentHelp("Forget an imported key.", valueName: "id")) var remove: String?

    func validate() throws {
        guard [file != nil, show, list, remove != nil].count(where: { $0 }) == 1 else {
            throw ValidationError("Give one of: a file, --show, --list, --remove ID.")
        }
    }

    func perform() async -> Engine.ExitCode {
        let request: TrustRequest =
            if let file { .add(file: file) } else if let remove { .remove(id: remove) } else { show ? .show : .list }
        return await common.makeOperator().trust(request)
    }
}
