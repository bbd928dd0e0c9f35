internal import Storage

/// Clones of the snapshots that hold a VM's disks; they tell what is in the snapshots, and can become the VM's disks.
///
/// zfs-fuse has no `.zfs/snapshot`, and a clone is what OpenZFS has as well.
actor SnapshotClones {
    private let zfs: ZFSCommand
    private var made: [DatasetName: (clone: DatasetName, folder: String?)] = [:]

    init(zfs: ZFSCommand) {
        self.zfs = zfs
    }

    /// Clones a snapshot; once it is made it is this object's to destroy.
    /// - Throws: RestoreError `.refused` when a dataset of that name exists; ZFSError.
    func make(_ snapshot: SnapshotName, as clone: DatasetName) async throws {
        guard made[snapshot.dataset] == nil else { return }
        guard try await !zfs.exists(clone.rawValue) else {
            throw RestoreError(.refused, "the dataset \(clone) exists already; choose another name, or destroy it")
        }
        do {
            try await zfs.clone(snapshot, to: clone, properties: properties(for: clone, of: snapshot.dataset))
        } catch {
            // zfs fails as well when it has made the clone and cannot mount it; there was none of that name before.
            if (try? await zfs.exists(clone.rawValue)) == true { made[snapshot.dataset] = (clone, nil) }
            throw error
        }
        made[snapshot.dataset] = (clone, nil)
        // A volume has no mount point.
        guard try await zfs.property("type", of: clone) == "filesystem" else { return }
        let point = try await zfs.property("mountpoint", of: clone)
        guard try await zfs.property("mounted", of: clone) == "yes", let point else {
            throw RestoreError(
                .refused, "the clone \(clone) was not mounted by zfs; look at its mountpoint and canmount")
        }
        made[snapshot.dataset] = (clone, point)
    }

    /// A replica's parent is often read-only, and a parent that is mounted nowhere has no mount point to hand down.
    private func properties(
        for clone: DatasetName, of dataset: DatasetName
    ) async throws -> [(name: String, value: String)] {
        guard try await zfs.property("type", of: dataset) == "filesystem" else { return [("readonly", "off")] }
        let parent = clone.parent ?? clone
        let isReadOnly = try await zfs.property("readonly", of: parent) == "on"
        let inherited = try await zfs.property("mountpoint", of: parent)
        if !isReadOnly, inherited?.hasPrefix("/") == true { return [("readonly", "off")] }
        let name = FileAccess.lastComponent(clone.rawValue)
        // Beside the original's own folder: `/srv/vm` -> `/srv/NAME`; a read-only parent can have no new folder.
        let own = try await zfs.property("mountpoint", of: dataset) ?? "none"
        let folder =
            isReadOnly || !own.hasPrefix("/")
            ? "/var/lib/stillpoint-clones" : String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
        return [("readonly", "off"), ("mountpoint", "\(folder)/\(name)"), ("canmount", "on")]
    }

    /// Where the content of a snapshot of that dataset is to be seen: a folder, or a volume's device.
    func place(of dataset: DatasetName, relativePath: String?) -> String? {
        guard let (clone, folder) = made[dataset] else { return nil }
        guard let relativePath else { return "/dev/zvol/\(clone)" }
        return folder.map { "\($0)/\(relativePath)" }
    }

    /// The clone's folder.
    func folder(of dataset: DatasetName) -> String? { made[dataset]?.folder }

    /// What was made, for messages.
    var names: [String] { made.values.map(\.clone.rawValue).sorted() }

    /// Destroys all that was made.
    /// - Returns: those that could not be destroyed.
    func destroy() async -> [String] {
        var left: [String] = []
        for (dataset, place) in made {
            do {
                try await destroyPatiently(place.clone)
                made[dataset] = nil
            } catch {
                left.append(place.clone.rawValue)
            }
        }
        return left
    }

    /// A file that was closed just now can keep a dataset busy for a moment.
    private func destroyPatiently(_ clone: DatasetName) async throws {
        for _ in 1...5 {
            if (try? await zfs.destroyClone(clone)) != nil { return }
            try await Task.sleep(for: .milliseconds(300))
        }
        try await zfs.destroyClone(clone)
    }
}
