internal import FoundationEssentials
internal import Glibc
internal import Storage
internal import SystemPackage

/// `/var/lib/stillpoint`: one file for each open run, readable by root alone.
struct StateDirectory: Sendable {
    let path: String

    init(_ path: String) {
        self.path = path
    }

    private var runs: String { path + "/runs" }
    private func file(_ id: String) -> String { "\(runs)/\(id).json" }

    /// Makes the directories that are missing, with mode 0700.
    /// - Throws: StateError `.directory`.
    func prepare() throws {
        for folder in [path, runs] {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST, access(folder, W_OK | X_OK) == 0 else {
                let cause = Errno(rawValue: errno)
                throw StateError(
                    code: .directory,
                    description: "the state directory \(folder) cannot be used (\(cause)); create it for root, "
                        + "or set state_dir",
                    cause: cause)
            }
        }
    }

    /// The ids of open runs, oldest first; none when the directory is not there.
    func openRunIDs() throws -> [String] {
        guard let directory = opendir(runs) else {
            if errno == ENOENT { return [] }
            let cause = Errno(rawValue: errno)
            throw StateError(code: .directory, description: "cannot read \(runs): \(cause)", cause: cause)
        }
        defer { closedir(directory) }
        var ids: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".json") { ids.append(String(name.dropLast(5))) }
        }
        return ids.sorted()
    }

    /// Reads a run.
    /// - Throws: StateError `.damaged` or `.newerFormat`; the file is left alone.
    func read(_ id: String) throws -> Run {
        let bytes: [UInt8]
        do {
            let descriptor = try FileDescriptor.open(FilePath(file(id)), .readOnly, options: [.noFollow, .closeOnExec])
            bytes = try descriptor.closeAfter { try descriptor.readToEnd(limit: 64 << 20) }
        } catch {
            throw StateError(code: .damaged, description: "cannot read \(file(id)): \(error)", cause: error)
        }
        let data = Data(bytes)
        if let format = try? JSONDecoder().decode(FormatOnly.self, from: data).format, format > Run.format {
            throw StateError(
                code: .newerFormat,
                description:
                    "\(file(id)) has format \(format), this Stillpoint knows \(Run.format); it was left alone: "
                    + "finish the run with the version that began it",
                cause: nil)
        }
        do {
            return try JSONDecoder().decode(Run.self, from: data)
        } catch {
            throw StateError(
                code: .damaged,
                description:
                    "\(file(id)) is damaged (\(bytes.count) bytes); it was left alone: look with 'virsh domblklist' "
                    + "whether a VM of it is on an overlay, then move the file away",
                cause: error)
        }
    }

    /// Makes the run's present state durable.
    /// - Throws: StateError `.notWritten`.
    func write(_ run: Run) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try replaceFile(at: file(run.id), with: Array(try encoder.encode(run)))
        } catch {
            throw StateError(code: .notWritten, description: "cannot write \(file(run.id)): \(error)", cause: error)
        }
    }

    /// Closes a run: its file goes.
    func remove(_ id: String) throws {
        try removeFile(at: file(id))
        unlink("\(runs)/\(id).lock")
    }

    /// Held by the process that works on the run.
    func lock(run id: String, waiting: Bool) throws -> FileLock? {
        try lock("\(runs)/\(id).lock", waiting: waiting)
    }

    /// Held while it is decided which run a VM belongs to.
    func lockForClaims() throws -> FileLock? {
        try lock(path + "/lock", waiting: true)
    }

    private func lock(_ file: String, waiting: Bool) throws -> FileLock? {
        do {
            return try FileLock(path: file, waiting: waiting)
        } catch {
            throw StateError(code: .directory, description: "cannot lock \(file): \(error)", cause: error)
        }
    }

    private struct FormatOnly: Decodable {
        let format: Int
    }
}

extension FileDescriptor {
    fileprivate func readToEnd(limit: Int) throws -> [UInt8] {
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while content.count < limit {
            let count = try piece.withUnsafeMutableBytes { try read(into: $0) }
            if count == 0 { break }
            content += piece[..<count]
        }
        return content
    }
}
