internal import DiskLocation
internal import Engine
internal import RunState
internal import Support
internal import ZFS

extension SavedDefinition {
    /// The same, with what of its volume each device is, where earlier versions did not write it down and its name, or the
    /// device that it is now, tells.
    func withVolumeParts(by storage: StorageMap) -> SavedDefinition {
        var definition = self
        for index in images.indices where images[index].relativePath == nil && images[index].part == nil {
            let image = images[index]
            definition.images[index].part = image.dataset.volumePart(named: image.path) ?? image.presentPart(storage)
        }
        return definition
    }

    /// Refuses a VM with a disk that a clone of its dataset does not bring along: the devices that the host has made of the
    /// original are not there for the clone, and the clone's whole volume in their place would be other data.
    /// - Throws: RestoreError `.refused`.
    func requireClonable(_ snapshot: SnapshotName, _ storage: StorageMap) throws(RestoreError) {
        for image in images where image.relativePath == nil {
            switch image.part {
            case .whole, .partition: continue
            case .stacked, nil: throw image.refusal(of: name, snapshot, storage)
            }
        }
    }
}

extension SavedImage {
    fileprivate func presentPart(_ storage: StorageMap) -> VolumePart? {
        guard let now = try? storage.locate(path), now.datasets == [dataset] else { return nil }
        return now.volumePart
    }

    fileprivate func refusal(of machine: String, _ snapshot: SnapshotName, _ storage: StorageMap) -> RestoreError {
        let isVolume = storage.mountTable.mountPoints(of: dataset).isEmpty
        let clone = "zfs clone \(shellQuoted("\(dataset)@\(snapshot.name)")) \(dataset.pool)/NEW"
        let opening =
            isVolume
            ? "open what is in it (dm-crypt: cryptsetup open /dev/zvol/\(dataset.pool)/NEW NAME; LVM: vgimportclone "
                + "--basevgname NAME /dev/zvol/\(dataset.pool)/NEW)"
            : "losetup --find --show the file in it"
        return RestoreError(
            .refused,
            "\(target) of \(printable(machine)) is \(printable(path, limit: 300)), a device that this host has made of what "
                + "is on \(dataset) (dm-crypt, LVM, loop), and a clone has no such device; nothing was cloned. By hand: "
                + "\(clone), \(opening), and define a VM with that device from the saved definition")
    }
}
