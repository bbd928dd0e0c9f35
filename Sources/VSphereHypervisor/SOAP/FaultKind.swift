internal import Hypervisor

/// What a fault means for the one who made the call.
enum FaultKind: Sendable, Equatable {
    /// Something is in the way that passes: another task, a lock, a host that is busy.
    case transient
    /// The guest could not be quiesced, this time.
    case quiesce
    /// The session is not, or no more, logged in.
    case session
    /// What the call is about is not there.
    case missing
    /// Trying again would bring the same.
    case permanent
}

extension VimFault {
    /// Why a strategy failed with it, in a word.
    var reason: ReasonCode {
        switch name {
        case "TaskInProgress", "FileLocked", "ConcurrentAccess", "ResourceInUse": .vmBusy
        case "HostCommunication", "HostNotReachable", "HostNotConnected", "HostConnectFault", "Timedout": .unreachable
        case "ToolsUnavailable", "GuestOperationsUnavailable": .agentSilent
        case "ManagedObjectNotFound", "InvalidPowerState": .vmChanged
        case "NoDiskSpace", "InsufficientDiskSpace": .noRoom
        default: kind == .quiesce ? .freezeFailed : .callFailed
        }
    }

    private static let transient: Set<String> = [
        "TaskInProgress", "FileLocked", "CannotAccessFile", "ConcurrentAccess", "HostCommunication", "HostNotReachable",
        "HostNotConnected", "HostConnectFault", "ResourceInUse", "Timedout", "SessionOverLimit", "VmToolsUpgradeFault",
    ]

    private static let quiesce: Set<String> = [
        "ApplicationQuiesceFault", "FilesystemQuiesceFault", "SnapshotFault", "ToolsUnavailable",
        "GuestOperationsFault",
        "GuestOperationsUnavailable", "GenericVmConfigFault",
    ]

    /// What it means.
    var kind: FaultKind {
        if Self.transient.contains(name) { return .transient }
        if Self.quiesce.contains(name) { return .quiesce }
        switch name {
        case "NotAuthenticated": return .session
        case "ManagedObjectNotFound": return .missing
        default: return .permanent
        }
    }
}
