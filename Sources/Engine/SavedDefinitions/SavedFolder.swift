package import Hypervisor
package import RunState
package import Support
package import SystemPackage

/// Where something was saved of a VM: a folder of a clone of its dataset, or of the catalogue.
///
/// Nothing is held open, since a clone that is in use cannot be destroyed; each access checks anew that all of it is
/// root's: what it says is defined and started by root.
package struct SavedFolder: Sendable {
    /// The clone's mount point, or the catalogue.
    package let root: String
    /// Two names: `.stillpoint` or the run's id, and the VM's.
    package let parts: [String]

    package init(root: String, parts: [String]) {
        self.root = root
        self.parts = parts
    }

    package var path: String { ([root] + parts).joined(separator: "/") }

    /// - Parameter ownOnly: refuses it where others may write to it.
    /// - Throws: Errno, `.permissionDenied`.
    package func open(ownOnly: Bool = true) throws(Errno) -> Folder {
        var folder = try Folder(reaching: root)
        for part in parts {
            folder = try folder.folder(part)
            guard !ownOnly || folder.isOwn else { throw .permissionDenied }
        }
        return folder
    }
}

/// All that was saved of a VM, read once: whoever vouches for it, vouches for these bytes.
package struct SavedContent: Sendable {
    package let definition: SavedDefinition
    /// The definition in its hypervisor's words.
    package let text: String
    /// The saved files, copied to where nobody else can change them.
    package let files: [SavedFile]
    package var provenance: Provenance
    /// `SealedContent.id`
    package let id: String

    /// - Parameters:
    ///   - machine: what `machine.json` holds.
    ///   - destination: the new private folder for copies of the files.
    /// - Throws: StateError, Errno, SealError.
    package init(
        _ machine: [UInt8], in folder: Folder, at path: String, copyingTo destination: String, _ seals: SealKeys
    )
        throws
    {
        definition = try SavedDefinition.decode(machine, at: path)
        let xml = try folder.content(of: "definition.xml", limit: 16 << 20)
        text = String(decoding: xml, as: UTF8.self)
        var content = SealedContent(machine: machine, definition: xml)
        guard definition.files.count <= SavedFile.mostFiles else { throw Errno.fileTooLarge }
        var files: [SavedFile] = []
        if !definition.files.isEmpty {
            let copies = try Folder(FileAccess.parent(destination))
                .madePrivateFolder(FileAccess.lastComponent(destination))
            for (index, name) in definition.files.enumerated() {
                let file = try folder.file("files/" + name)
                let copied = try file.closeAfter {
                    try copies.copyHashed(file, to: "\(index)", limit: SavedFile.mostBytes)
                }
                content.add("files/" + name, count: copied.count, digest: copied.digest)
                files.append(SavedFile(name: name, path: "\(destination)/\(index)"))
            }
        }
        self.files = files
        id = content.id
        provenance = seals.provenance(of: content, text: try? folder.content(of: "seal", limit: 64 << 10))
    }
}
