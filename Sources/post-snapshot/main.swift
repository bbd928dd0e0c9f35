import Glibc
import LibvirtHypervisor
import Stillpoint

let code = await Hook.postSnapshot(
    HookContext(
        arguments: Array(CommandLine.arguments.dropFirst()), environment: processEnvironment(),
        backEnds: [LibvirtHypervisor.self]))
exit(code.rawValue)
