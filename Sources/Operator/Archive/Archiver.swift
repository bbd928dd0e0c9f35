internal import Configuration
internal import Engine
internal import Glibc
package import Logging
package import RAMArchive
package import RunState
internal import Support
internal import SystemPackage

/// Moves RAM dumps from `ram_dir` to cold storage, one after another.
///
/// Killed at any instant it can be started again: a dump leaves `ram_dir` only when it is whole in cold storage and the
/// catalogue says so.
package struct Archiver: Sendable {
    let catalogue: Catalogue
    let coldStorage: String?
    let compression: Compression
    let log: Logger
    /// Told of each dump: what it is, and the bytes done and to do.
    let progress: (@Sendable (_ what: String, _ done: UInt64, _ total: UInt64) -> Void)?

    package init(
        catalogue: Catalogue, coldStorage: String?, compression: Compression, log: Logger,
        progress: (@Sendable (_ what: String, _ done: UInt64, _ total: UInt64) -> Void)?
    ) {
        self.catalogue = catalogue
        self.coldStorage = coldStorage
        self.compression = compression
        self.log = log
        self.progress = progress
    }

    /// Moves all that waits; whether nothing is left to do.
    /// - Throws: StateError when the catalogue cannot be locked.
    package func run() throws -> Bool {
        let runs = catalogue.runsToArchive()
        guard !runs.isEmpty else { return true }
        return try catalogue.lockForArchive().withLock {
            // Anew: whoever had the lock may have done it all.
            catalogue.runsToArchive().reduce(true) { archive($1) && $0 }
        }
    }

    private func archive(_ run: RunID) -> Bool {
        do {
            // Pruned meanwhile.
            guard catalogue.contains(run) else {
                try catalogue.unmarkForArchive(run)
                return true
            }
            var point = try catalogue.read(run)
            var isDone = true
            for index in point.machines.indices where point.machines[index].dump != nil {
                isDone = archive(index, of: &point) && isDone
            }
            if isDone { try catalogue.unmarkForArchive(run) }
            return isDone
        } catch {
            log.error("\(error)")
            return false
        }
    }

    private func archive(_ index: Int, of point: inout RestorePoint) -> Bool {
        let machine = point.machines[index]
        do {
            if let dump = machine.dump, dump.packed == nil {
                point.machines[index].dump = try move(dump, of: machine, in: point)
                try catalogue.write(point)
                log.info(
                    "\(machine.name): \(dump.bytes >> 20) MiB of RAM are in \(point.machines[index].dump?.path ?? "")")
            }
            if let source = point.machines[index].dump?.source {
                try removeFile(at: source)
                point.machines[index].dump?.source = nil
                point.machines[index].dump?.problem = nil
                try catalogue.write(point)
            }
            return true
        } catch {
            log.error("\(machine.name): its RAM of the run \(point.run) is not in cold storage: \(error)")
            point.machines[index].dump?.problem = "\(error)"
            try? catalogue.write(point)
            return false
        }
    }

    private func move(_ dump: StoredDump, of machine: RestorePointVM, in point: RestorePoint) throws -> StoredDump {
        guard let coldStorage else {
            throw ArchivingError(description: "cold_storage is not set any more; the dump stays at \(dump.path)")
        }
        var status = stat()
        guard stat(coldStorage, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw ArchivingError(
                description: "cold_storage \(coldStorage) is not there; mount it, then run: stillpoint archive")
        }
        try WorkFolder(key: .coldStorage, path: coldStorage).requireTrust()
        let destination = ArchiveManifest.dumpPath(of: machine, in: point, coldStorage: coldStorage)
        try makeFolders(FilePath(destination).removingLastComponent().string, below: coldStorage)
        let what = "\(machine.name) of \(point.run)"
        let packed = try pack(
            dump.path, to: destination, compression: compression,
            beforeRename: { packed in
                guard packed.plainBytes == dump.bytes else {
                    throw ArchivingError(
                        description:
                            "\(dump.path) has \(packed.plainBytes) bytes and had \(dump.bytes) when it was made; "
                            + "it is not moved, since it is not whole")
                }
                try ArchiveManifest.write(
                    point, of: machine, packed: packed, dump: destination, sealedBy: (try? catalogue.seals.own())?.all)
            },
            progress: progress.map { tell in { @Sendable done, total in tell(what, done, total) } })
        return StoredDump(
            path: destination, bytes: dump.bytes, packed: packed, source: dump.path, usableUntil: dump.usableUntil)
    }
}

/// Why a dump was not moved; it is where it was.
struct ArchivingError: Error, CustomStringConvertible {
    let description: String
}
