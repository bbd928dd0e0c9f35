internal import Engine
internal import Hypervisor
internal import INIFile

extension Error {
    /// Whether its text ends in what to do, behind a semicolon.
    var endsInFix: Bool {
        switch self {
        case is WorkFolderError, is INIError, is UntrustedProgramError: true
        case let error as HypervisorError: [.unreachable, .misconfigured].contains(error.code)
        default: false
        }
    }
}
