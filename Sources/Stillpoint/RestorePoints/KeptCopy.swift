internal import Glibc
internal import Hypervisor
internal import Storage
internal import SystemPackage

/// What a folder in a dataset is to hold of a VM.
struct KeptCopy {
    let folder: Folder
    let definition: [UInt8]
    /// The text of `machine.json`, which is only there when all else is.
    let machine: [UInt8]
    /// The files to copy into `files/`, where they are now.
    let files: [KeptFile]

    /// Whether an earlier run left just this.
    var isThere: Bool {
        (try? holds(machine, "machine.json") && holds(definition, "definition.xml")
            && files.allSatisfy { try isSame($0.path, as: "files/\($0.name)") }) ?? false
    }

    /// Puts it there.
    ///
    /// - Throws: Errno. Half of it is never taken for the whole: `machine.json` is removed first and written last.
    func write() throws {
        folder.remove("machine.json")
        folder.remove("files")
        for file in files {
            var place = folder
            for part in ("files/" + file.name).split(separator: "/").dropLast() {
                place = try place.madePrivateFolder(String(part))
            }
            let source = try FileDescriptor.open(FilePath(file.path), .readOnly, options: [.closeOnExec])
            let name = file.name.split(separator: "/").last.map(String.init) ?? ""
            try source.closeAfter { try place.copy(source, to: name) }
        }
        try folder.write(definition, to: "definition.xml")
        try folder.write(machine, to: "machine.json")
    }

    private func holds(_ content: [UInt8], _ name: String) throws -> Bool {
        try folder.content(of: name, limit: content.count + 1) == content
    }

    /// Piece by piece, as UEFI variables can be 64 MiB.
    private func isSame(_ path: String, as other: String) throws -> Bool {
        let one = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec])
        return try one.closeAfter {
            let two = try folder.file(other)
            return try two.closeAfter {
                var pieces = ([UInt8](repeating: 0, count: 256 << 10), [UInt8](repeating: 0, count: 256 << 10))
                while true {
                    let counts = (
                        try pieces.0.withUnsafeMutableBytes { try one.read(into: $0) },
                        try pieces.1.withUnsafeMutableBytes { try two.read(into: $0) }
                    )
                    guard counts.0 == counts.1, pieces.0[..<counts.0] == pieces.1[..<counts.1] else { return false }
                    if counts.0 == 0 { return true }
                }
            }
        }
    }
}
