internal import DiskLocation
internal import Glibc
internal import Hypervisor
internal import Support

/// Overlays in a folder of this host, whose libvirtd sees what this host sees.
struct LocalOverlayStore: OverlayStore {
    let directory: String

    var obstacleToMemory: StrategyObstacle? { nil }
    var place: String { "" }

    func requireAbsence(of disks: [OverlayDisk]) throws {
        try OverlayFile.requireAbsence(of: disks)
    }

    func create(_ disks: [OverlayDisk], capacities: [UInt64], run: String) async -> [Result<OverlayDisk, any Error>] {
        await withTaskGroup(of: Result<OverlayDisk, any Error>.self) { group in
            for (disk, capacity) in zip(disks, capacities) {
                group.addTask {
                    do {
                        try await OverlayFile.create(disk, capacity: capacity, run: run)
                        return .success(disk)
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    func endCreation(of disks: [OverlayDisk]) async throws {
        let overlays = disks.map(\.overlay)
        try await blocking("finding a qemu-img that was left running", within: .seconds(30)) {
            StrayQEMUImg.end(on: overlays)
        }
    }

    func noteBasesAtRest(of freezeState: inout FreezeState) async { await freezeState.noteBasesAtRest() }

    // MARK: what can be learnt

    func content(of disk: OverlayDisk) throws -> OverlayContent { try OverlayContent.read(disk.overlay) }

    func size(of disk: OverlayDisk) -> UInt64? {
        var status = stat()
        return lstat(disk.overlay, &status) == 0 ? UInt64(status.st_blocks) * 512 : nil
    }

    func stamp(of disk: OverlayDisk) -> ImageStamp? { ImageStamp.read(disk.overlay) }

    func lead(of disk: OverlayDisk) -> Duration? { disk.lead }

    func otherRun(of disk: OverlayDisk, than freezeState: FreezeState) -> String? {
        OverlayMark.otherRun(of: disk.overlay, than: freezeState)
    }

    func run(of overlay: String) -> String? { OverlayMark.run(of: overlay) }

    func requireNoInternalSnapshot(in disk: OverlayDisk, _ freezeState: FreezeState, of domain: Domain?) throws {
        try disk.requireNoInternalSnapshot(of: domain?.name)
    }

    func isInUse(_ disk: OverlayDisk) -> Bool { OverlayFile.isInUse(disk.overlay) }

    func isContained(_ disk: OverlayDisk, within limit: Duration) async -> Bool {
        (try? await OfflineCommit.isContained(disk, within: limit)) == true
    }

    func smallBaseReason(of disk: OverlayDisk) -> String? { disk.smallBaseReason() }

    func chains(of next: DomainDescription) -> [DiskChain] { next.chainsWithBackingFiles() }

    /// libvirtd's PID file tells more.
    func start(of domain: Domain, _ live: DomainDescription) -> String? { nil }

    func isSameProcess(_ domain: Domain, _ live: DomainDescription, as freezeState: FreezeState) -> Bool {
        guard let began = runTime(inName: freezeState.snapshot) else { return false }
        return QEMUProcess(domain: domain.name)?.isOlder(than: began) == true
    }

    func profile(refusing error: LibvirtError, domain uuid: String) -> AppArmorProfile? {
        AppArmorProfile.refusing(error, domain: uuid)
    }

    func names() -> [String] { FileAccess.names(in: directory) }

    func backing(of overlay: String) -> ImageHeader.Backing? {
        try? ImageHeader.read(ImageFile(overlay, followingLinks: false)).backing
    }

    // MARK: committing and deleting

    func touch(_ overlays: [String]) { Self.touch(overlays) }

    static func touch(_ overlays: [String]) {
        for path in overlays { utimensat(AT_FDCWD, path, nil, AT_SYMLINK_NOFOLLOW) }
    }

    func release(_ items: [OfflineCommit.Item], _ state: DomainState, by commit: OfflineCommit) async throws -> [String]
    {
        try await commit.run(items, state)
    }

    func remove(_ disk: OverlayDisk) throws { try OverlayFile.remove(disk) }
}
