internal import DiskLocation
internal import Hypervisor

/// Where the overlays of a libvirtd's domains lie: how they are made, what can be learnt of them and of their bases, and
/// how they are deleted.
///
/// `LocalOverlayStore` has them in a folder of this host. `PoolOverlayStore` has them in a folder of the libvirtd's own
/// host, where it does nothing but through libvirt's storage API. What that cannot tell is said to be unknown, so that
/// whoever asks decides for the safe side: an overlay is then left, with the commands for it.
///
/// All paths are those of the libvirtd's host. Methods that are not `async` block.
protocol OverlayStore: Sendable {
    /// The folder.
    var directory: String { get }
    /// Why the RAM of its domains cannot be dumped; nil: it can.
    var obstacleToMemory: StrategyObstacle? { get }
    /// Said behind paths and commands; empty where they are this host's.
    var place: String { get }

    // MARK: making

    /// Checks, before a freeze state names them as its own, that no file of these names is there, and that there is room.
    /// - Throws: HypervisorError `.overlay`, remedy `.fallBack`.
    func requireAbsence(of disks: [OverlayDisk]) async throws

    /// Makes the overlays, in any order; one that fails is not there afterwards, unless it was before. A failure with the
    /// remedy `.stop` says that it may be there, or come to be.
    /// - Parameters:
    ///   - capacities: the disks' sizes in bytes.
    ///   - run: whose they are.
    func create(_ disks: [OverlayDisk], capacities: [UInt64], run: String) async -> [Result<OverlayDisk, any Error>]

    /// Makes sure that no call of a process that was killed still makes one of them.
    func endCreation(of disks: [OverlayDisk]) async throws

    /// Notes the bases as they are, now that the disks were seen to have moved to their overlays and nobody writes to
    /// them.
    func noteBasesAtRest(of freezeState: inout FreezeState) async

    // MARK: what can be learnt

    /// What an overlay holds.
    func content(of disk: OverlayDisk) throws -> OverlayContent
    /// The room in bytes that it takes; nil where it is not there, or that cannot be seen.
    func size(of disk: OverlayDisk) -> UInt64?
    /// By comparing it later one can tell whether the overlay was written to since; nil: nothing tells.
    func stamp(of disk: OverlayDisk) -> ImageStamp?
    /// How much later than the overlay the base was last written, at most; nil: nothing tells.
    func lead(of disk: OverlayDisk) -> Duration?
    /// The run that is marked as an overlay's maker, where it is not the one that the freeze state names.
    func otherRun(of disk: OverlayDisk, than freezeState: FreezeState) -> String?
    /// The run that is marked as its maker; nil: nothing tells.
    func run(of overlay: String) -> String?
    /// - Throws: HypervisorError `.changed`, remedy `.stop`, where the overlay has an internal snapshot.
    func requireNoInternalSnapshot(in disk: OverlayDisk, _ freezeState: FreezeState, of domain: Domain?) throws
    /// Whether a QEMU is known to have it open.
    func isInUse(_ disk: OverlayDisk) -> Bool
    /// Whether a guest is known to read the same from the base as from the overlay.
    func isContained(_ disk: OverlayDisk, within limit: Duration) async -> Bool
    /// Why the base has too little room for what the overlay holds, as far as that can be seen.
    func smallBaseReason(of disk: OverlayDisk) -> String?
    /// The disks that a definition has for the domain's next start, with as much of their chains as can be learnt.
    func chains(of next: DomainDescription) -> [DiskChain]
    /// What tells the domain's present start from every later one; nil: `isSameProcess` does without, or is never sure.
    func start(of domain: Domain, _ live: DomainDescription) -> String?
    /// Whether the QEMU of a domain is known to be the one that was frozen.
    func isSameProcess(_ domain: Domain, _ live: DomainDescription, as freezeState: FreezeState) -> Bool
    /// The profile that may be why a commit was refused; nil: none of this host.
    func profile(refusing error: LibvirtError, domain uuid: String) -> AppArmorProfile?
    /// The names of all files in the folder.
    func names() throws -> [String]
    /// What an overlay says that it lies on; nil where it cannot be read, or is no qcow2 image.
    func backing(of overlay: String) -> ImageHeader.Backing?

    // MARK: committing and deleting

    /// Has the overlays' times follow the clock, as `BaseWriteHistory` expects, where it is asked at all.
    func touch(_ overlays: [String])

    /// Brings disks that no QEMU has open back to their bases.
    /// - Returns: what an administrator should know.
    /// - Throws: HypervisorError `.changed`, with what to do, of a disk that must not be touched.
    func release(_ items: [OfflineCommit.Item], _ state: DomainState, by commit: OfflineCommit) async throws -> [String]

    /// Deletes an overlay. Call it only when the domain was seen to be off it.
    func remove(_ disk: OverlayDisk) throws
}

extension HypervisorSettings {
    /// Where the overlays of its domains lie.
    func overlayStore(on connection: Connection) -> any OverlayStore {
        guard let site else { return LocalOverlayStore(directory: shared.overlayDirectory) }
        return PoolOverlayStore(connection: connection, site: site, name: name)
    }
}
