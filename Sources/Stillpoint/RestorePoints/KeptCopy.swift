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
    /// The files to copy into `files/`.
    let sources: KeptSources

    /// Whether an earlier run left just this.
    var isThere: Bool {
        (try? holds(machine, "machine.json") && holds(definition, "definition.xml")
            && sources.files.allSatisfy { try isSame($0, as: "files/\($0.name)") }) ?? false
    }

    /// Puts it there.
    ///
    /// - Throws: Errno. Half of it is never taken for the whole: `machine.json` is removed first and written last.
    func write() throws {
        folder.remove("machine.json")
        folder.remove("files")
        for source in sources.files {
            var place = folder
            let parts = ("files/" + source.name).split(separator: "/").map(String.init)
            for part in parts.dropLast() { place = try place.madePrivateFolder(part) }
            try place.copy(source.file, to: parts[parts.count - 1], limit: KeptFile.mostBytes)
        }
        try folder.write(definition, to: "definition.xml")
        try folder.write(machine, to: "machine.json")
    }

    private func holds(_ content: [UInt8], _ name: String) throws -> Bool {
        try folder.content(of: name, limit: content.count + 1) == content
    }

    /// Piece by piece, as UEFI variables can be 64 MiB.
    private func isSame(_ source: KeptSources.Source, as other: String) throws -> Bool {
        let copy = try folder.file(other)
        return try copy.closeAfter {
            guard Int(try copy.status().st_size) == source.size else { return false }
            var pieces = ([UInt8](repeating: 0, count: 256 << 10), [UInt8](repeating: 0, count: 256 << 10))
            var offset = 0
            while offset < source.size {
                let at = Int64(offset)
                let counts = (
                    try pieces.0.withUnsafeMutableBytes { try source.file.read(fromAbsoluteOffset: at, into: $0) },
                    try pieces.1.withUnsafeMutableBytes { try copy.read(fromAbsoluteOffset: at, into: $0) }
                )
                guard counts.0 == counts.1, counts.0 > 0, pieces.0[..<counts.0] == pieces.1[..<counts.1] else { return false }
                offset += counts.0
            }
            return true
        }
    }
}
