internal import Configuration
internal import Hypervisor
internal import INIFile
internal import RunState
package import SnapshotManagers
internal import ZFS

extension ExitCode {
    /// What an error means to whoever called a program: the one switch that decides it.
    /// - Parameter phase: the hook's; nil: a command of the operator's, which has undone what it did.
    package init(of error: any Error, phase: Phase?) {
        switch (error, phase) {
        case (let error as RestoreError, _):
            switch error.code {
            case .refused: self = .usage
            case .undone: self = .failed
            case .halfDone: self = .needsRecovery
            }
        case (is InvocationError, _), (is ConfigurationError, _), (is INIError, _), (is WorkFolderError, _),
            (is UntrustedProgramError, _), (is MissingRightsError, _), (is NameError, _), (is UnknownDatasetError, _),
            (is UnknownSnapshotError, _),
            (is UnknownRunError, _):
            self = .usage
        case (let error as HypervisorError, .pre) where error.code == .misconfigured: self = .usage
        // Only opening a run can fail so in pre; then nothing has been touched.
        case (is StateError, .pre): self = .usage
        case (let error as StateError, nil) where error.code == .notRoot: self = .usage
        case (_, .pre), (_, nil): self = .failed
        // Post and prune are called when there is something to release or to delete.
        case (_, .post), (_, .prune): self = .needsRecovery
        }
    }
}
