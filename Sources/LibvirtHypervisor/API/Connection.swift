internal import CLibvirt
internal import Glibc
internal import Hypervisor
internal import Support
internal import Synchronization

/// One connection to libvirtd.
///
/// Unchecked: libvirt's connections may be used by several threads at once (libvirt.org, "Thread safety").
final class Connection: @unchecked Sendable {
    let library: LibvirtLibrary
    let pointer: virConnectPtr
    /// The events and domains that it is told of, with libvirt's number of each callback. libvirt refuses to register one
    /// twice.
    private let heard = Mutex<[String: Int32]>([:])
    private let open: OpenConnections?
    /// Nil: the daemon sees what this host sees.
    let site: RemoteSite?

    /// Seconds between two questions whether the other end is there, and how many of them may stay unanswered.
    private static let keepAlive: (interval: Int32, count: UInt32) = (5, 3)

    /// Connects; blocks until the daemon answers. It asks nobody for a password.
    /// - Parameter open: counts it as long as it is open.
    /// - Throws: HypervisorError `.unreachable` with what to do about it.
    init(uri: String, site: RemoteSite? = nil, in open: OpenConnections? = nil) throws(HypervisorError) {
        library = try LibvirtLibrary.load()
        let address = ConnectionURI(uri)
        // Of a host that is gone TCP would not tell for minutes; it is the event loop that asks (virConnectSetKeepAlive).
        let isKeptAlive = address.isOfAnotherHost && (try? EventLoop.start()) != nil
        pointer = try library.open(address, uri)
        self.site = site
        self.open = open
        open?.noteOpened()
        if isKeptAlive {
            _ = library.functions.virConnectSetKeepAlive(pointer, Self.keepAlive.interval, Self.keepAlive.count)
        }
    }

    deinit {
        // Each callback has a reference to the connection (virObjectEventCallbackListAddID), which would stay open.
        for id in heard.withLock({ $0.values.sorted() }) {
            _ = library.functions.virConnectDomainEventDeregisterAny(pointer, id)
        }
        let references = library.functions.virConnectClose(pointer)
        open?.noteClosed(references)
    }

    /// Whether the daemon is still at the other end (virConnectIsAlive).
    var isAlive: Bool {
        library.functions.virConnectIsAlive(pointer) == 1
    }

    /// The name of the hypervisor's host (virConnectGetHostname).
    func hostName() throws -> String {
        guard let name = library.functions.virConnectGetHostname(pointer) else {
            throw library.lastError("asking for the host's name")
        }
        defer { free(name) }
        return String(cString: name)
    }

    /// The version of libvirt at the other end: 1000000 x major + 1000 x minor + release (virConnectGetLibVersion).
    func libraryVersion() throws -> UInt {
        var version: UInt = 0
        guard library.functions.virConnectGetLibVersion(pointer, &version) == 0 else {
            throw library.lastError("asking for libvirt's version")
        }
        return version
    }

    /// The same for a message; nil where libvirt does not say within ten seconds.
    func libraryVersionIfKnown() async -> UInt? {
        try? await blocking("asking for libvirt's version", within: .seconds(10)) { try self.libraryVersion() }
    }

    /// All domains, running or not, and what each is doing: one call for all (virConnectGetAllDomainStats).
    func domains() throws -> [(domain: Domain, power: VirtualMachine.PowerState)] {
        var list: UnsafeMutablePointer<virDomainStatsRecordPtr?>?
        let count = library.functions.virConnectGetAllDomainStats(
            pointer, VIR_DOMAIN_STATS_STATE.rawValue, &list, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT.rawValue)
        guard count >= 0, let list else { throw library.lastError("listing the domains") }
        defer { library.functions.virDomainStatsRecordListFree(list) }
        return (0..<Int(count)).compactMap { index in
            guard let record = list[index]?.pointee, let domain = record.dom,
                library.functions.virDomainRef(domain) == 0
            else { return nil }
            var state: Int32 = 0
            _ = library.functions.virTypedParamsGetInt(record.params, record.nparams, "state.state", &state)
            return (
                Domain(library: library, connection: self, pointer: domain), VirtualMachine.PowerState(libvirt: state)
            )
        }
    }

    /// The domain of that UUID; nil when there is none.
    func domain(uuid: String) throws -> Domain? {
        guard let domain = library.functions.virDomainLookupByUUIDString(pointer, uuid) else {
            let error = library.lastError("finding the domain \(uuid)")
            if error.isNoSuchDomain { return nil }
            throw error
        }
        return Domain(library: library, connection: self, pointer: domain)
    }

    /// Path of a volume in a storage pool, as in `<source pool=… volume=…/>`.
    func volumePath(pool poolName: String, volume volumeName: String) throws -> String {
        guard let pool = library.functions.virStoragePoolLookupByName(pointer, poolName) else {
            throw library.lastError("finding the storage pool \(poolName)")
        }
        defer { _ = library.functions.virStoragePoolFree(pool) }
        guard let volume = library.functions.virStorageVolLookupByName(pool, volumeName) else {
            throw library.lastError("finding the volume \(volumeName) in the storage pool \(poolName)")
        }
        defer { _ = library.functions.virStorageVolFree(volume) }
        guard let path = library.functions.virStorageVolGetPath(volume) else {
            throw library.lastError("asking for the path of the volume \(volumeName)")
        }
        defer { free(path) }
        return String(cString: path)
    }

    /// Has `pauses` told of a domain that is paused or resumed until the connection closes.
    func subscribeToPauses(_ pauses: PauseStopwatch, of domain: Domain) throws {
        try hear(
            VIR_DOMAIN_EVENT_ID_LIFECYCLE, of: domain, clibvirt_lifecycle_callback(lifecycleChanged), pauses,
            releasePauseWatch)
    }

    /// Has `events` told of a domain's block jobs until the connection closes.
    func subscribeToBlockJobs(_ events: BlockJobEvents, of domain: Domain) throws {
        try hear(
            VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, of: domain, clibvirt_block_job_callback(blockJobChanged), events,
            releaseEvents)
    }

    /// Of one domain: with a connection for each VM, each would be told of all the others' events.
    private func hear(
        _ event: virDomainEventID, of domain: Domain, _ callback: virConnectDomainEventGenericCallback?,
        _ listener: AnyObject, _ release: virFreeCallback
    ) throws {
        let subscription = "\(event.rawValue) \(try domain.uuid())"
        guard heard.withLock({ $0[subscription] == nil }) else { return }
        let opaque = Unmanaged.passRetained(listener).toOpaque()
        let id = library.functions.virConnectDomainEventRegisterAny(
            pointer, domain.pointer, Int32(event.rawValue), callback, opaque, release)
        guard id >= 0 else {
            release(opaque)
            throw library.lastError("asking for events")
        }
        heard.withLock { $0[subscription] = id }
    }
}

extension LibvirtLibrary {
    fileprivate func open(_ address: ConnectionURI, _ uri: String) throws(HypervisorError) -> virConnectPtr {
        let open =
            {
                functions.virConnectOpen(address.asksNobody).map { .success($0) }
                    ?? .failure(unreachable(uri: uri, lastError("connecting")))
            } as () -> Result<virConnectPtr, HypervisorError>
        return try (address.isOfAnotherHost ? OpeningTurns.take(of: uri, open) : open()).get()
    }
}

private func unreachable(uri: String, _ error: LibvirtError) -> HypervisorError {
    let fix =
        if ConnectionURI(uri).isOfAnotherHost {
            "check as root, with the same account, key and known hosts: virsh -c \(shellQuoted(ConnectionURI(uri).asksNobody)) list"
        } else if error.message.has("Permission denied") || error.message.has("authentication") {
            "run as root, or as a member of the group libvirt"
        } else if error.message.has("No such file") || error.message.has("refused") {
            "start libvirtd, or set uri in the [hypervisor] section"
        } else {
            "check with: virsh -c \(shellQuoted(uri)) list"
        }
    return HypervisorError(.unreachable, "libvirt at \(uri) cannot be reached (\(error)); \(fix)", remedy: .retry)
}
