import Engine
import ExecHypervisor
import Hooks
import LibvirtHypervisor
import SnapshotManagers
import Support
import VSphereHypervisor

forbidCoreDumps()
// Before a library is loaded or a thread started.
let environment = ProgramEnvironment.adopt()
let context = ProgramContext(
    arguments: Array(CommandLine.arguments.dropFirst()), environment: environment,
    backEnds: [LibvirtHypervisor.self, VSphereHypervisor.self, ExecHypervisor.self], executable: "/proc/self/exe")
Hook.end(Hook.main(.post, context))
