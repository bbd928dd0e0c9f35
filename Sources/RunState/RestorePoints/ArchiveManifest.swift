internal import Bounds
internal import Glibc
package import RAMArchive
internal import Support
internal import ZFS

/// The JSON file beside a RAM dump in cold storage, which says what the dump is: a restore point of one VM.
///
/// `cold_storage/DATASET/VM/RUN.ram` and `RUN.json`. The dump's path in it is a bare file name, so that the two can be
/// copied to another place together.
package enum ArchiveManifest {
    /// Where the dump of a VM is moved to.
    package static func dumpPath(of machine: RestorePointVM, in point: RestorePoint, coldStorage: String) -> String {
        let dataset = machine.datasets.first?.rawValue ?? "unknown"
        let namesakes = point.machines.count { $0.name == machine.name && $0.datasets.first == machine.datasets.first }
        var folder = namesakes > 1 ? fileName("\(machine.name)-\(machine.id)") : fileName(machine.name)
        // Three bytes of a name for each that is encoded, and a file system takes 255.
        if folder.utf8.count > 200 { folder = fileName(machine.id) }
        return "\(coldStorage)/\(dataset)/\(folder)/\(point.run).ram"
    }

    /// Where the side-car of a dump is.
    package static func path(of dump: String) -> String { "\(dump.dropLast(".ram".count)).json" }

    /// Removes what an archiving that was killed left of a dump that is still in `ram_dir`.
    package static func removePartialArchive(of machine: RestorePointVM, in point: RestorePoint, coldStorage: String)
        throws
    {
        let dump = dumpPath(of: machine, in: point, coldStorage: coldStorage)
        for path in [dump + ".part", dump, path(of: dump)] { try removeFile(at: path) }
    }

    /// Makes the side-car of a dump durable.
    /// - Parameter keys: nil where this host cannot seal; its catalogue vouches for the dump all the same.
    package static func write(
        _ point: RestorePoint, of machine: RestorePointVM, packed: PackedDump, dump: String,
        sealedBy keys: [SealingKey]?
    ) throws {
        var copy = point
        var only = machine
        // Versions that do not know it would find the seal to be of something else.
        only.reason = nil
        only.dump = StoredDump(
            path: FileAccess.lastComponent(dump), bytes: packed.plainBytes, packed: packed,
            usableUntil: machine.dump?.usableUntil)
        copy.machines = [only]
        copy.format = 1
        copy.snapshots = point.snapshots(of: machine)
        copy.seal = try keys.map { Seal(try content(of: copy), by: $0) }
        try StateFile.write(copy, to: path(of: dump), within: .machineFile)
    }

    /// What the seal of a side-car covers, wherever it lies by now.
    static func content(of point: RestorePoint) throws -> SealedContent {
        var plain = point
        plain.seal = nil
        for index in plain.machines.indices {
            guard let path = plain.machines[index].dump?.path else { continue }
            plain.machines[index].dump?.path = FileAccess.lastComponent(path)
        }
        var content = SealedContent(.sideCar)
        content.add("\(point.run).json", try StateFile.text(plain))
        return content
    }

    /// Reads a side-car, with the dump's whole path.
    /// - Throws: StateError, also when it does not say what a side-car of its name must say.
    static func read(_ path: String) throws(StateError) -> RestorePoint {
        let fix = "compare it with the others in its folder; the dump beside it was not touched"
        var point = try StateFile.read(
            RestorePoint.self, at: path, newest: RestorePoint.format, within: .machineFile,
            fix: (damaged: fix, newer: "use the version that wrote it"))
        let stem = String(FileAccess.lastComponent(path).dropLast(".json".count))
        guard point.run.text == stem, point.machines.count == 1, let dump = point.machines[0].dump,
            let packed = dump.packed,
            dump.path == stem + ".ram", dump.bytes == packed.plainBytes,
            // A file elsewhere is not a side-car's to name: pruning deletes what is named.
            dump.source == nil
        else {
            throw StateError(
                code: .damaged, description: "\(path) does not describe a dump of the run \(stem): \(fix)", cause: nil)
        }
        let whole = "\(path.dropLast(".json".count)).ram"
        var status = stat()
        guard stat(whole, &status) == 0, UInt64(status.st_size) == packed.storedBytes else {
            throw StateError(
                code: .damaged,
                description:
                    "\(path) speaks of a dump of \(packed.storedBytes) bytes, and \(FileAccess.lastComponent(whole)) is "
                    + "missing or of another length",
                cause: nil)
        }
        point.machines[0].dump?.path = whole
        return point
    }

    /// All side-cars below a folder and what is wrong with those that cannot be used.
    /// - Parameter most: side-cars and folders that are read.
    static func all(
        in coldStorage: String, most: Int = 100_000
    ) -> (points: [RestorePoint], problems: [StateError]) {
        var points: [RestorePoint] = []
        var problems: [StateError] = []
        var budget = Budget(nodes: most, depth: deepest)
        var closed: [String] = []
        do throws(BudgetError) {
            try visit(coldStorage, level: 1, &budget, &closed) { path in
                do throws(StateError) {
                    points.append(try read(path))
                } catch {
                    problems.append(error)
                }
            }
        } catch {
            problems.append(
                StateError(
                    code: .damaged,
                    description:
                        "not all of cold_storage \(coldStorage) was read: \(error); move away what is no dump",
                    cause: error))
        }
        if let first = closed.first {
            let more = closed.count > 1 ? " and \(closed.count - 1) more folders" : ""
            problems.append(
                StateError(
                    code: .directory,
                    description:
                        "\(printable(first, limit: 400))\(more) of cold_storage cannot be read: RAM that is there is "
                        + "not known; run it as root", cause: obstacle(toReading: first)))
        }
        return (points, problems)
    }

    /// Datasets nest 50 deep at most (zfs_max_dataset_nesting), and in each stands a folder a VM.
    private static let deepest = 64

    private static func visit(
        _ folder: String, level: Int, _ budget: inout Budget, _ closed: inout [String], _ body: (String) -> Void
    ) throws(BudgetError) {
        try budget.enter(level: level)
        if obstacle(toReading: folder) != nil { closed.append(folder) }
        // Half of the names are those of the dumps.
        let names = FileAccess.names(in: folder, most: 4 * budget.nodes).filter { !$0.hasSuffix(".ram") }
        for name in names {
            let path = "\(folder)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            guard isFolder || name.hasSuffix(".json") && RunID(name.dropLast(".json".count)) != nil else { continue }
            try budget.spend(nodes: 1)
            if isFolder {
                try visit(path, level: level + 1, &budget, &closed, body)
            } else {
                body(path)
            }
        }
    }
}
