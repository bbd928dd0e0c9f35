internal import CLibvirt
internal import Hypervisor

/// What a domain is doing, as far as a release acts on it (virDomainGetState).
enum DomainState: Sendable, Equatable {
    case running
    /// By an administrator, by a program, or by the guest itself.
    case paused
    /// By QEMU, since a write failed: where its overlays are, the storage was full (VIR_DOMAIN_PAUSED_IOERROR).
    case pausedByFailedWrite
    case off
    /// Off with its RAM in a file (VIR_DOMAIN_SHUTOFF_SAVED).
    case saved
    /// It runs on another host, perhaps on the very overlays (VIR_DOMAIN_SHUTOFF_MIGRATED).
    case migratedAway
    /// There is no domain of that UUID.
    case undefined

    /// QEMU has its disks open.
    var isActive: Bool {
        switch self {
        case .running, .paused, .pausedByFailedWrite: true
        case .off, .saved, .migratedAway, .undefined: false
        }
    }

    /// From a virDomainState and its reason.
    init(libvirt state: Int32, reason: Int32) {
        switch VirtualMachine.PowerState(libvirt: state) {
        case .running: self = .running
        case .paused:
            let isFailedWrite =
                UInt32(bitPattern: state) == VIR_DOMAIN_PAUSED.rawValue
                && UInt32(bitPattern: reason) == VIR_DOMAIN_PAUSED_IOERROR.rawValue
            self = isFailedWrite ? .pausedByFailedWrite : .paused
        case .off, .suspended:
            switch UInt32(bitPattern: reason) {
            case VIR_DOMAIN_SHUTOFF_MIGRATED.rawValue: self = .migratedAway
            case VIR_DOMAIN_SHUTOFF_SAVED.rawValue: self = .saved
            default: self = .off
            }
        }
    }
}

extension Domain {
    /// What it is doing, and why; `.undefined` when it went away.
    func state() throws -> DomainState {
        var state: Int32 = 0
        var reason: Int32 = 0
        guard library.functions.virDomainGetState(pointer, &state, &reason, 0) == 0 else {
            let error = library.lastError("asking what the domain is doing")
            if error.isNoSuchDomain { return .undefined }
            throw error
        }
        return DomainState(libvirt: state, reason: reason)
    }

    /// Whether a start is under way, of ours or of somebody else: it goes on when whoever asked for it is gone
    /// (VIR_DOMAIN_PAUSED_STARTING_UP).
    func isStartingUp() throws -> Bool {
        var state: Int32 = 0
        var reason: Int32 = 0
        guard library.functions.virDomainGetState(pointer, &state, &reason, 0) == 0 else {
            throw library.lastError("asking what the domain is doing")
        }
        return UInt32(bitPattern: state) == VIR_DOMAIN_PAUSED.rawValue
            && UInt32(bitPattern: reason) == VIR_DOMAIN_PAUSED_STARTING_UP.rawValue
    }

    /// Stops its processors (virDomainSuspend).
    func suspend() throws {
        guard library.functions.virDomainSuspend(pointer) == 0 else {
            throw library.lastError("pausing it")
        }
    }
}
