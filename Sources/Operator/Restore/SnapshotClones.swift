internal import DiskLocation
internal import Engine
internal import Glibc
internal import RunState
internal import Support
internal import SystemPackage
internal import ZFS

/// Clones of the snapshots that hold a VM's disks; they tell what is in the snapshots, and can become the VM's disks.
///
/// zfs-fuse has no `.zfs/snapshot`, and a clone is what OpenZFS has as well. Each carries the restore's id, set in the
/// call that makes it: a dataset without it is somebody else's, whatever its name.
actor SnapshotClones {
    private struct Made {
        let clone: DatasetName
        let snapshot: SnapshotName
        var folder: String?
    }

    private let zfs: ZFSCommand
    private let id: RunID
    /// The folder that they are mounted in, where they are only read.
    private let folder: String?
    private let dev: String
    private var made: [DatasetName: Made] = [:]
    /// A call was given up that may still make a clone.
    private(set) var mayStillMake = false

    /// Whatever is in a snapshot, it is no program and no device of the host's, and is offered to nobody.
    private static let sanitized = [
        (name: "setuid", value: "off"), (name: "devices", value: "off"), (name: "exec", value: "off"),
        (name: "sharenfs", value: "off"), (name: "sharesmb", value: "off"),
    ]

    /// - Parameter folder: a private one, made on need, in which clones are mounted that are only read; nil: they
    ///   become a VM's, and are mounted beside their originals.
    init(zfs: ZFSCommand, id: RunID = .make(), lookedAtIn folder: String? = nil, dev: String = "/dev") {
        self.zfs = zfs
        self.dev = dev
        self.folder = folder
        self.id = id
    }

    /// Clones a snapshot; once it is made it is this object's to destroy.
    /// - Throws: RestoreError `.refused` when a dataset of that name exists; ZFSError.
    func make(_ snapshot: SnapshotName, as clone: DatasetName) async throws {
        guard made[snapshot.dataset] == nil else { return }
        guard try await !zfs.exists(clone.rawValue) else { throw Self.taken(clone) }
        let properties = try await properties(for: clone, of: snapshot.dataset)
        do {
            try await zfs.clone(snapshot, to: clone, properties: [(RestoreTrace.property, id.text)] + properties)
        } catch {
            // zfs fails as well when it has made the clone and cannot mount it, and one that was given up may make it
            // yet. Another restore may have been faster with the same name.
            let mine = Made(clone: clone, snapshot: snapshot)
            switch await standing(of: mine) {
            case .foreign: throw Self.taken(clone)
            case .own: made[snapshot.dataset] = mine
            case .gone, .unknown:
                made[snapshot.dataset] = mine
                mayStillMake = mayStillMake || error.code != .failed
            }
            throw error
        }
        made[snapshot.dataset] = Made(clone: clone, snapshot: snapshot)
        // A volume has no mount point.
        guard try await zfs.property("type", of: clone) == "filesystem" else { return }
        // zfs-fuse mounts it when it makes it, `canmount=noauto` or not.
        if folder != nil, try await zfs.property("mounted", of: clone) != "yes" { try await zfs.mount(clone) }
        let point = try await zfs.property("mountpoint", of: clone)
        guard try await zfs.property("mounted", of: clone) == "yes", let point else {
            throw RestoreError(
                .refused, "the clone \(clone) was not mounted by zfs; check its mountpoint and canmount")
        }
        made[snapshot.dataset]?.folder = point
    }

    private static func taken(_ clone: DatasetName) -> RestoreError {
        RestoreError(.refused, "the dataset \(clone) exists already; choose another name, or destroy it")
    }

    /// Where its parent cannot hand down a mount point, clones are mounted here: a replica's own was chosen by its sender.
    private static let fallbackFolder = "/var/lib/stillpoint-clones"

    /// A replica's parent is often read-only, and a parent that is mounted nowhere has no mount point to hand down.
    private func properties(
        for clone: DatasetName, of dataset: DatasetName
    ) async throws -> [(name: String, value: String)] {
        guard try await zfs.property("type", of: dataset) == "filesystem" else {
            // Inherited from where the clone is, and not from its origin; one that is `dev` has no partitions.
            let mode = try? await zfs.property("volmode", of: dataset)
            let isFull = mode == "full" || mode == "geom"
            return [(name: "readonly", value: "off")] + (isFull ? [(name: "volmode", value: "full")] : [])
        }
        let harmless = Self.sanitized + [("readonly", "off")]
        if let folder {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
            return harmless + [("mountpoint", "\(folder)/\(fileName(clone.rawValue))"), ("canmount", "noauto")]
        }
        let parent = clone.parent ?? clone
        let isReadOnly = try await zfs.property("readonly", of: parent) == "on"
        let inherited = try await zfs.property("mountpoint", of: parent)
        if !isReadOnly, inherited?.hasPrefix("/") == true { return harmless }
        let name = FileAccess.lastComponent(clone.rawValue)
        return harmless + [("mountpoint", "\(Self.fallbackFolder)/\(name)"), ("canmount", "on")]
    }

    /// Where an image is to be seen in the clone of a snapshot of that dataset: a file, or a volume's device or partition.
    func place(of image: SavedImage, on dataset: DatasetName) -> String? {
        guard let made = made[dataset] else { return nil }
        guard let relativePath = image.relativePath else {
            return made.clone.volumeLink(image.part ?? .whole, dev: dev)
        }
        return made.folder.map { "\($0)/\(relativePath)" }
    }

    /// The clone's folder.
    func folder(of dataset: DatasetName) -> String? { made[dataset]?.folder }

    /// What was made, for messages.
    var names: [String] { made.values.map(\.clone.rawValue).sorted() }
}

// MARK: afterwards

extension SnapshotClones {
    private enum Standing { case own, gone, foreign, unknown }

    private func standing(of mine: Made) async -> Standing {
        do {
            guard let clone = try await zfs.clone(mine.clone, markedBy: RestoreTrace.property) else { return .gone }
            return clone.mark == id.text && clone.origin == mine.snapshot ? .own : .foreign
        } catch {
            return .unknown
        }
    }

    /// Destroys all that was made.
    /// - Returns: those that could not be destroyed.
    func destroy() async -> [String] {
        var left: [String] = []
        for (dataset, mine) in made {
            switch await standing(of: mine) {
            case .gone, .foreign: made[dataset] = nil
            case .unknown: left.append(mine.clone.rawValue)
            case .own:
                do {
                    try await zfs.destroyRetrying(mine.clone)
                    made[dataset] = nil
                } catch {
                    left.append(mine.clone.rawValue)
                }
            }
        }
        return left.sorted()
    }

    /// Leaves all that was made to the VM that lives on it: it is no restore's any more.
    /// - Returns: those that zfs would not release.
    func leave() async -> [String] {
        var left: [String] = []
        for (dataset, mine) in made {
            do {
                try await zfs.clear(RestoreTrace.property, of: mine.clone)
                made[dataset] = nil
            } catch {
                left.append(mine.clone.rawValue)
            }
        }
        return left.sorted()
    }
}
