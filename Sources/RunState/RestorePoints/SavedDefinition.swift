internal import Bounds
package import DiskLocation
internal import Hypervisor
package import Support
package import ZFS

/// What `.stillpoint/VM/machine.json` in a snapshot says: all that is needed to make the VM again from the snapshot.
///
/// Nothing of the run is in it, so that it changes only when the VM does.
package struct SavedDefinition: Sendable, Codable, Equatable {
    /// The folder in a dataset that holds what is kept of its VMs; owner-only.
    package static let folder = ".stillpoint"
    static let format = 1
    /// One more than the file may have, so that a longer one is refused.
    package static let mostBytes = Budget.machineFile.bytes + 1

    var format = SavedDefinition.format
    package let hypervisor: String
    package let id: String
    package let name: String
    /// The VM's images on the snapshotted datasets, backing images included; a device over several volumes once for each.
    package var images: [SavedImage]
    /// Names of the kept files, which lie in `files/`.
    package let files: [String]

    package init(
        hypervisor: String, id: String, name: String,
        images: [SavedImage], files: [String]
    ) {
        self.hypervisor = hypervisor
        self.id = id
        self.name = name
        self.images = images
        self.files = files
    }

    /// The folder's name for a VM.
    package static func folderName(of machineID: String) -> String { fileName(machineID) }

    /// Reads it from a VM's folder.
    /// - Parameter path: the folder's, for messages.
    /// - Throws: StateError, Errno.
    package static func read(in folder: Folder, at path: String) throws -> SavedDefinition {
        try decode(folder.content(of: "machine.json", limit: mostBytes), at: path)
    }

    /// What the file's content says.
    /// - Throws: StateError, also where a path in it leads out of its folder.
    package static func decode(_ bytes: [UInt8], at path: String) throws(StateError) -> SavedDefinition {
        let damaged = "define the VM by hand, from definition.xml beside it"
        let definition = try StateFile.decode(
            SavedDefinition.self, bytes, from: path + "/machine.json", newest: format, within: .machineFile,
            fix: (damaged: damaged, newer: "restore it with the version that wrote it"))
        let paths = definition.images.compactMap(\.relativePath) + definition.files
        guard paths.allSatisfy({ RelativePath($0) != nil }) else {
            throw StateError(
                code: .damaged, description: "\(path)/machine.json names a file outside of its folder: \(damaged)",
                cause: nil)
        }
        return definition
    }
}

/// A disk image of a VM, and where on its dataset it is.
package struct SavedImage: Sendable, Codable, Equatable {
    /// The guest's name for the disk: `vda`.
    package let target: String
    /// As the definition says it.
    package let path: String
    package let dataset: DatasetName
    /// Below the dataset's mount point; nil for a device.
    package let relativePath: String?
    /// It takes the guest's writes, and does not only back an image that does.
    package let isWritten: Bool
    /// `raw`, `qcow2`: as the definition has it, or of an image below another one that one's header. Nil: nothing told it,
    /// or it was kept by a version that did not say.
    package var format: String?
    /// Of a device: what of the volume it is. Nil: it is a file, or was kept by a version that did not say.
    package var part: VolumePart?

    package init(
        target: String, path: String, dataset: DatasetName, relativePath: String?, isWritten: Bool,
        format: String? = nil, part: VolumePart? = nil
    ) {
        self.target = target
        self.path = path
        self.dataset = dataset
        self.relativePath = relativePath
        self.isWritten = isWritten
        self.format = format
        self.part = part
    }
}

/// A text as the name of a file, which is never hidden, `.` or `..`.
package func fileName(_ text: String) -> String {
    let name = percentEncoded(text)
    return name.hasPrefix(".") ? "%2E" + name.dropFirst() : name
}
