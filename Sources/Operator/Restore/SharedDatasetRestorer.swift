internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import RunState
internal import Support
internal import ZFS

/// Puts back a VM that shares datasets with others: its own files there are copied, and the volumes that are its alone are
/// rolled back.
struct SharedDatasetRestorer: DiskRestorer {
    private let files: FileCopyRestorer
    private let volumes: RollbackRestorer?

    /// What is rolled back, for messages.
    let rolledBack: [SnapshotName]

    /// - Throws: RestoreError `.refused` for a volume or a changed image that another VM uses as well, and where a rollback
    ///   is; see ``RollbackRestorer``.
    init(source: RestoreSource, clones: SnapshotClones, job: RestoreJob, others: [VirtualMachine]) async throws {
        let devices = source.definition.images.filter { $0.relativePath == nil }
        for image in devices {
            guard job.storage.mountTable.mountPoints(of: image.dataset).isEmpty else {
                throw RestoreError(
                    .refused,
                    "\(image.target) is \(printable(image.path, limit: 300)), a device over a file on \(image.dataset), "
                        + "which others use too: copy that file out of a clone of the snapshot by hand")
            }
            let users = DatasetUsers(storage: job.storage).machines(on: [image.dataset], others)
            guard users.isEmpty else {
                throw RestoreError(
                    .refused,
                    "the volume \(image.dataset) is used by \(users.joined(separator: ", ")) too; restore --as a new VM"
                )
            }
        }
        rolledBack = Set(devices.compactMap { source.snapshots[$0.dataset] }).sorted()
        files = try await FileCopyRestorer(source: source, clones: clones, job: job, others: others)
        volumes =
            rolledBack.isEmpty
            ? nil
            : try await RollbackRestorer(snapshots: rolledBack, zfs: job.zfs, destroyNewer: job.options.destroyNewer)
    }

    func prepare() async throws {
        try await files.prepare()
        try await volumes?.prepare()
    }

    func discardPrepared() async { await files.discardPrepared() }

    /// What can be undone comes first.
    func restoreFormerDisks() async throws {
        try await files.restoreFormerDisks()
        try await volumes?.restoreFormerDisks()
    }

    /// Files of another time than rolled back volumes would be of no use: where those cannot be undone, these stay.
    func stateAfterFailure() async -> String {
        guard let volumes, volumes.mayHaveBegun else { return await files.stateAfterFailure() }
        return whereabouts
    }

    var whereabouts: String { [files.whereabouts, volumes?.whereabouts].compactMap { $0 }.joined(separator: " ") }

    func finish(isRunning: Bool) async -> String {
        let left = await files.finish(isRunning: isRunning)
        return left + (await volumes?.finish(isRunning: isRunning) ?? "")
    }
}
