internal import Bounds
internal import DiskLocation
internal import Hypervisor
internal import Support
internal import ZFS

/// What `.stillpoint/VM/machine.json` in a snapshot says: all that is needed to make the VM again from the snapshot.
///
/// Nothing of the run is in it, so that it changes only when the VM does.
struct KeptDefinition: Sendable, Codable, Equatable {
    /// The folder in a dataset that holds what is kept of its VMs; owner-only.
    static let folder = ".stillpoint"
    static let format = 1
    /// One more than the file may have, so that a longer one is refused.
    static let mostBytes = Budget.machineFile.bytes + 1

    var format = KeptDefinition.format
    let hypervisor: String
    let id: String
    let name: String
    /// The VM's images on the snapshotted datasets, backing images included; a device over several volumes once for each.
    var images: [KeptImage]
    /// Names of the kept files, which lie in `files/`.
    let files: [String]

    /// The folder's name for a VM.
    static func folderName(of machineID: String) -> String { fileName(machineID) }

    /// Reads it from a VM's folder.
    /// - Parameter path: the folder's, for messages.
    /// - Throws: StateError, Errno.
    static func read(in folder: Folder, at path: String) throws -> KeptDefinition {
        try decode(folder.content(of: "machine.json", limit: mostBytes), at: path)
    }

    /// What the file's content says.
    /// - Throws: StateError, also where a path in it leads out of its folder.
    static func decode(_ bytes: [UInt8], at path: String) throws(StateError) -> KeptDefinition {
        let damaged = "define the VM by hand, from definition.xml beside it"
        let definition = try StateFile.decode(
            KeptDefinition.self, bytes, from: path + "/machine.json", newest: format, within: .machineFile,
            mend: (damaged: damaged, newer: "restore it with the version that wrote it"))
        let paths = definition.images.compactMap(\.relativePath) + definition.files
        guard paths.allSatisfy({ RelativePath($0) != nil }) else {
            throw StateError(
                code: .damaged, description: "\(path)/machine.json names a file outside of its folder: \(damaged)",
                cause: nil)
        }
        return definition
    }

    /// The same, for a folder whose path nobody else can change.
    static func read(in folder: String) throws -> KeptDefinition { try read(in: Folder(folder), at: folder) }
}

/// A disk image of a VM, and where on its dataset it is.
struct KeptImage: Sendable, Codable, Equatable {
    /// The guest's name for the disk: `vda`.
    let target: String
    /// As the definition says it.
    let path: String
    let dataset: DatasetName
    /// Below the dataset's mount point; nil for a device.
    let relativePath: String?
    /// It takes the guest's writes, and does not only back an image that does.
    let isWritten: Bool
    /// `raw`, `qcow2`: as the definition has it, or of an image below another one that one's header. Nil: nothing told it,
    /// or it was kept by a version that did not say.
    var format: String?
    /// Of a device: what of the volume it is. Nil: it is a file, or was kept by a version that did not say.
    var part: VolumePart?
}

/// A text as the name of a file, which is never hidden, `.` or `..`.
func fileName(_ text: String) -> String {
    let name = percentEncoded(text)
    return name.hasPrefix(".") ? "%2E" + name.dropFirst() : name
}
