import ArgumentParser
import Engine
import Glibc
import Hooks
import SnapshotManagers
import Support

forbidCoreDumps()
// Before a library is loaded or a thread started.
keepingShell { ProgramEnvironment.adopt() }
if let code = Hook.watchdog(.ofStillpoint) { Hook.end(code) }
// ArgumentParser's own main would call exit() from within a command; this returns from it first.
let code: Int32
do {
    var command = try StillpointCommand.parseAsRoot()
    if let snapshot = command as? Snapshot {
        // On this thread, which has no other beside it yet.
        Hook.end(snapshot.perform().rawValue)
    } else if let operatorCommand = command as? any OperatorCommand {
        code = await operatorCommand.perform().rawValue
    } else {
        try command.run()
        code = 0
    }
} catch {
    let parserCode = StillpointCommand.exitCode(for: error)
    print(StillpointCommand.fullMessage(for: error), to: parserCode.isSuccess ? .output : .errors)
    code = parserCode.isSuccess ? 0 : 2
}
exit(code)
