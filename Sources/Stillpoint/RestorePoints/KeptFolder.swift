internal import Hypervisor
internal import Storage
internal import SystemPackage

/// Where something was kept of a VM: a folder of a clone of its dataset, or of the catalogue.
///
/// Nothing is held open, since a clone that is in use cannot be destroyed; each access checks anew that all of it is
/// root's: what it says is defined and started by root.
struct KeptFolder: Sendable {
    /// The clone's mount point, or the catalogue.
    let root: String
    /// Two names: `.stillpoint` or the run's id, and the VM's.
    let parts: [String]

    var path: String { ([root] + parts).joined(separator: "/") }

    /// - Throws: Errno, `.permissionDenied` where others may write to it.
    func open() throws(Errno) -> Folder {
        var folder = try Folder(reaching: root)
        for part in parts {
            folder = try folder.folder(part)
            guard folder.isOwn else { throw .permissionDenied }
        }
        return folder
    }

    /// The definition in its hypervisor's words.
    func definition() throws -> String {
        String(decoding: try open().content(of: "definition.xml", limit: 16 << 20), as: UTF8.self)
    }

    /// Copies kept files into a new private folder.
    /// - Returns: them where they are now.
    func copy(_ names: [String], to destination: String) throws -> [KeptFile] {
        guard !names.isEmpty else { return [] }
        guard names.count <= KeptFile.mostFiles else { throw Errno.fileTooLarge }
        let source = try open()
        let copies = try Folder(FileAccess.parent(destination)).madePrivateFolder(FileAccess.lastComponent(destination))
        return try names.enumerated().map { index, name in
            let file = try source.file("files/" + name)
            try file.closeAfter { try copies.copy(file, to: "\(index)", limit: KeptFile.mostBytes) }
            return KeptFile(name: name, path: "\(destination)/\(index)")
        }
    }
}

extension RestoreSource {
    /// The kept files, copied to where they stay when the clone goes.
    func copyFiles(to destination: String) throws -> [KeptFile] {
        try folder?.copy(definition.files, to: destination) ?? files
    }
}
