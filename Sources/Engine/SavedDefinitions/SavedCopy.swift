internal import Glibc
internal import Hypervisor
internal import RunState
internal import SHA256
internal import Support
internal import SystemPackage

/// What a folder in a dataset is to hold of a VM.
struct SavedCopy {
    let folder: Folder
    let definition: [UInt8]
    /// The text of `machine.json`, which is only there when all else is.
    let machine: [UInt8]
    /// The files to copy into `files/`.
    let sources: SavedFileSources

    /// What an earlier run left, where it is just this.
    var isThere: SealedContent? {
        guard (try? holds(machine, "machine.json") && holds(definition, "definition.xml")) == true else {
            return nil
        }
        var content = SealedContent(machine: machine, definition: definition)
        for source in sources.files {
            let name = "files/\(source.name)"
            guard let digest = try? digest(of: source, ifSameAs: name) else { return nil }
            content.add(name, count: source.size, digest: digest)
        }
        return content
    }

    /// Puts it there.
    ///
    /// - Returns: what was written, byte by byte, so that nothing else is sealed than what is there.
    /// - Throws: Errno. Half of it is never taken for the whole: `machine.json` is removed first and written
    ///   last.
    func write() throws -> SealedContent {
        folder.remove("seal")
        folder.remove("machine.json")
        folder.remove("files")
        var content = SealedContent(machine: machine, definition: definition)
        for source in sources.files {
            var place = folder
            let parts = ("files/" + source.name).split(separator: "/").map(String.init)
            for part in parts.dropLast() { place = try place.madePrivateFolder(part) }
            let copied = try place.copyHashed(source.file, to: parts[parts.count - 1], limit: SavedFile.mostBytes)
            content.add("files/" + source.name, count: copied.count, digest: copied.digest)
        }
        try folder.write(definition, to: "definition.xml")
        try folder.write(machine, to: "machine.json")
        return content
    }

    /// Seals what is there; a seal that is right already is not written again.
    func seal(_ content: SealedContent, by keys: [SealingKey]) throws {
        let text = try StateFile.text(Seal(content, by: keys))
        if (try? holds(text, "seal")) != true { try folder.write(text, to: "seal") }
    }

    private func holds(_ content: [UInt8], _ name: String) throws -> Bool {
        try folder.content(of: name, limit: content.count + 1) == content
    }

    /// The SHA-256 of a file that is saved already as it is now, piece by piece, as UEFI variables can be 64 MiB; nil where
    /// the two differ.
    private func digest(of source: SavedFileSources.Source, ifSameAs other: String) throws -> [UInt8]? {
        let copy = try folder.file(other)
        return try copy.closeAfter {
            guard Int(try copy.status().st_size) == source.size else { return nil }
            let digest = SHA256()
            var pieces = ([UInt8](repeating: 0, count: 256 << 10), [UInt8](repeating: 0, count: 256 << 10))
            var offset = 0
            while offset < source.size {
                let at = Int64(offset)
                let counts = (
                    try pieces.0.withUnsafeMutableBytes { try source.file.read(fromAbsoluteOffset: at, into: $0) },
                    try pieces.1.withUnsafeMutableBytes { try copy.read(fromAbsoluteOffset: at, into: $0) }
                )
                guard counts.0 == counts.1, counts.0 > 0, pieces.0[..<counts.0] == pieces.1[..<counts.1] else {
                    return nil
                }
                digest.add(pieces.1[..<counts.1])
                offset += counts.0
            }
            return digest.finish()
        }
    }
}

extension SealedContent {
    /// What is saved of a VM, its files apart.
    package init(machine: [UInt8], definition: [UInt8]) {
        self.init(.definition)
        add("machine.json", machine)
        add("definition.xml", definition)
    }
}

extension Folder {
    /// Copies a file, from its beginning, into a new one; see `newFile`.
    /// - Returns: how many bytes were written, and their SHA-256.
    func copyHashed(
        _ source: FileDescriptor, to name: String, limit: Int = .max
    ) throws -> (count: Int, digest: [UInt8]) {
        guard try Int(source.status().st_size) <= limit else { throw Errno.fileTooLarge }
        let output = try newFile(name)
        return try output.closeAfter {
            let digest = SHA256()
            var total = 0
            while true {
                let piece = try source.bytes(at: UInt64(total), count: 256 << 10)
                if piece.isEmpty { return (total, digest.finish()) }
                total += piece.count
                guard total <= limit else { throw Errno.fileTooLarge }
                digest.add(piece[...])
                try output.writeAll(piece)
            }
        }
    }
}
