internal import CLibvirt
internal import Glibc
internal import Hypervisor
internal import XMLTree

/// One domain of a connection; each method is one libvirt call and blocks.
///
/// Unchecked, as `Connection`: libvirt's handles may be used by several threads.
final class Domain: @unchecked Sendable {
    let library: LibvirtLibrary
    // Kept so that the connection outlives its domains.
    let connection: Connection
    let pointer: virDomainPtr

    init(library: LibvirtLibrary, connection: Connection, pointer: virDomainPtr) {
        self.library = library
        self.connection = connection
        self.pointer = pointer
    }

    deinit {
        _ = library.functions.virDomainFree(pointer)
    }

    /// Its XML: the live definition of a running domain, or with `persistent` what it will start from next time.
    func description(persistent: Bool = false) throws -> DomainDescription {
        let flags = persistent ? VIR_DOMAIN_XML_INACTIVE.rawValue : 0
        guard let text = library.functions.virDomainGetXMLDesc(pointer, flags) else {
            throw library.lastError("reading the definition")
        }
        defer { free(text) }
        return try DomainDescription(XMLElement.parse(String(cString: text)), host: connection.hostDevices) {
            [connection] in try connection.volumePath(pool: $0, volume: $1)
        }
    }

    /// What it is doing (virDomainGetState).
    func power() throws -> VirtualMachine.PowerState {
        var state: Int32 = 0
        guard library.functions.virDomainGetState(pointer, &state, nil, 0) == 0 else {
            throw library.lastError("asking what the domain is doing")
        }
        return VirtualMachine.PowerState(libvirt: state)
    }
}

extension Domain {
    /// What the guest sees as the size of a disk, in bytes (virDomainGetBlockInfo).
    func capacity(of target: String) throws -> UInt64 {
        var info = virDomainBlockInfo()
        guard library.functions.virDomainGetBlockInfo(pointer, target, &info, 0) == 0 else {
            throw library.lastError("asking for the size of \(target)")
        }
        return info.capacity
    }

    /// The processor time that its QEMU has used, in nanoseconds (virDomainGetInfo).
    func processorTime() throws -> UInt64 {
        var info = virDomainInfo()
        guard library.functions.virDomainGetInfo(pointer, &info) == 0 else {
            throw library.lastError("asking for its processor time")
        }
        return info.cpuTime
    }

    /// Whether libvirt is in the middle of something that changes the domain.
    func isBusy() throws -> Bool { try power() != .off && isOccupied() }

    /// The same of a domain that is known to be active (virDomainGetControlInfo).
    func isOccupied() throws -> Bool {
        var info = virDomainControlInfo()
        guard library.functions.virDomainGetControlInfo(pointer, &info, 0) == 0 else {
            let error = library.lastError("asking whether libvirt is at work on the domain")
            if error.isUnsupported { return false }
            throw error
        }
        return info.state != VIR_DOMAIN_CONTROL_OK.rawValue
    }
}

// MARK: guest agent

extension Domain {
    /// Bounds every agent command from now on, in whole seconds (virDomainAgentSetResponseTimeout).
    func setAgentTimeout(_ timeout: Duration) throws {
        let seconds = Int32(max(1, timeout.components.seconds))
        guard library.functions.virDomainAgentSetResponseTimeout(pointer, seconds, 0) == 0 else {
            throw library.lastError("bounding the guest agent")
        }
    }

    /// The guest's mounted file systems (virDomainGetFSInfo).
    func fileSystems() throws -> [GuestFileSystem] {
        var list: UnsafeMutablePointer<virDomainFSInfoPtr?>?
        let count = library.functions.virDomainGetFSInfo(pointer, &list, 0)
        guard count >= 0 else { throw library.lastError("listing the guest's file systems") }
        defer { free(list) }
        return (0..<Int(count)).compactMap { index in
            guard let info = list?[index] else { return nil }
            defer { library.functions.virDomainFSInfoFree(info) }
            let disks = (0..<Int(info.pointee.ndevAlias)).compactMap { alias in
                info.pointee.devAlias?[alias].map { String(cString: $0) }
            }
            return GuestFileSystem(
                mountPoint: String(cString: info.pointee.mountpoint), disks: disks,
                type: info.pointee.fstype.map { String(cString: $0) } ?? "",
                device: info.pointee.name.map { String(cString: $0) } ?? "")
        }
    }

    /// What the guest calls its system: `debian`, `mswindows` (virDomainGetGuestInfo: guest-get-osinfo).
    func operatingSystem() throws -> String? {
        var list: virTypedParameterPtr?
        var count: Int32 = 0
        guard library.functions.virDomainGetGuestInfo(pointer, VIR_DOMAIN_GUEST_INFO_OS.rawValue, &list, &count, 0) == 0
        else { throw library.lastError("asking for the guest's system") }
        defer { library.functions.virTypedParamsFree(list, count) }
        var name: UnsafePointer<CChar>?
        guard library.functions.virTypedParamsGetString(list, count, "os.id", &name) == 1 else { return nil }
        return name.map { String(cString: $0) }
    }

    /// Freezes the file systems at these mount points, or all (nil), and says how many (virDomainFSFreeze).
    func freezeFileSystems(_ mountPoints: [String]?) throws -> Int {
        let count: Int32
        if let mountPoints {
            let copies = mountPoints.map { strdup($0) }
            defer { for copy in copies { free(copy) } }
            var names = copies.map { UnsafePointer($0) }
            count = library.functions.virDomainFSFreeze(pointer, &names, UInt32(names.count), 0)
        } else {
            count = library.functions.virDomainFSFreeze(pointer, nil, 0, 0)
        }
        guard count >= 0 else { throw library.lastError("freezing the file systems") }
        return Int(count)
    }

    /// Thaws all file systems and says how many (virDomainFSThaw).
    @discardableResult
    func thawFileSystems() throws -> Int {
        let count = library.functions.virDomainFSThaw(pointer, nil, 0, 0)
        guard count >= 0 else { throw library.lastError("thawing the file systems") }
        return Int(count)
    }
}

// MARK: snapshot

extension Domain {
    /// Moves disks to overlay files that exist already, all or none of them.
    func createDiskSnapshot(xml: String) throws {
        try createSnapshot(
            xml: xml, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY.rawValue, "libvirt's snapshot")
    }

    /// Dumps the RAM while the guest runs on, stops the guest for the rest of it, moves the disks to overlay files that
    /// exist already, and resumes the guest.
    func createMemorySnapshot(xml: String) throws {
        try createSnapshot(xml: xml, VIR_DOMAIN_SNAPSHOT_CREATE_LIVE.rawValue, "dumping the RAM")
    }

    private func createSnapshot(xml: String, _ kind: UInt32, _ action: String) throws {
        let flags =
            kind | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC.rawValue | VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT.rawValue
        guard let snapshot = library.functions.virDomainSnapshotCreateXML(pointer, xml, flags) else {
            throw library.lastError(action)
        }
        _ = library.functions.virDomainSnapshotFree(snapshot)
    }

    /// Ends the job that is under way, here a RAM dump (virDomainAbortJob).
    func abortJob() throws {
        guard library.functions.virDomainAbortJob(pointer) == 0 else {
            throw library.lastError("ending the job of the domain")
        }
    }

    /// Forgets a snapshot, leaving the disks alone; fine when it is not there.
    func forgetSnapshot(named name: String) throws {
        guard let snapshot = library.functions.virDomainSnapshotLookupByName(pointer, name, 0) else {
            let error = library.lastError("finding the snapshot \(name)")
            if error.number == Int32(VIR_ERR_NO_DOMAIN_SNAPSHOT.rawValue) { return }
            throw error
        }
        defer { _ = library.functions.virDomainSnapshotFree(snapshot) }
        let flags = VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY.rawValue
        guard library.functions.virDomainSnapshotDelete(snapshot, flags) == 0 else {
            throw library.lastError("deleting the metadata of the snapshot \(name)")
        }
    }
}

extension VirtualMachine.PowerState {
    /// From a virDomainState.
    init(libvirt state: Int32) {
        switch UInt32(bitPattern: state) {
        case VIR_DOMAIN_RUNNING.rawValue, VIR_DOMAIN_BLOCKED.rawValue, VIR_DOMAIN_SHUTDOWN.rawValue: self = .running
        case VIR_DOMAIN_SHUTOFF.rawValue, VIR_DOMAIN_NOSTATE.rawValue: self = .off
        // Also crashed and suspended by the guest: QEMU is there and holds the disks.
        default: self = .paused
        }
    }
}

/// A file system that the guest agent lists.
struct GuestFileSystem: Sendable, Equatable {
    let mountPoint: String
    /// Targets (`vda`) of the disks it lies on; empty when the guest cannot tell.
    let disks: [String]
    /// As the guest names it: `ext4`, `vfat`, `NTFS`.
    var type = ""
    /// The guest's name of the device: `vda1`, `dm-0`; empty where it does not tell.
    var device = ""

    /// Whether the agent is one of Windows: it names each volume `\\?\Volume{…}\`, and where it is mounted `C:\` (qemu-ga:
    /// build_guest_fsinfo).
    var isOfWindows: Bool {
        [device, mountPoint].contains { $0.hasPrefix(#"\\?\"#) } || mountPoint.dropFirst().hasPrefix(#":\"#)
    }
}
