internal import DiskLocation
internal import Engine
internal import Glibc
internal import Hypervisor
internal import RAMArchive
internal import RunState
internal import Support
internal import SystemPackage

/// Brings a VM's RAM back to `ram_dir` as libvirt wrote it, and checks on the way that it is whole.
struct RAMDumpFetch: Sendable {
    let ramDirectory: String
    let coldStorage: String?
    let progress: (@Sendable (_ done: UInt64, _ total: UInt64) -> Void)?

    /// A dump to restore from, and whether it is a copy that is to be removed afterwards.
    struct FetchedDump: Sendable {
        let path: String
        let isCopy: Bool
        /// Keeps other restores of the same RAM away from the copy.
        let lock: FileLock
        let lockPath: String

        func remove() {
            if isCopy { unlink(path) }
            unlink(lockPath)
        }
    }

    /// - Parameter changeable: the dump will be written to, so it must be a copy.
    /// - Throws: RestoreError `.refused`: nothing but the copy was touched, and that is gone.
    func retrieve(_ dump: StoredDump, of source: RestoreSource, changeable: Bool) async throws -> FetchedDump {
        try requireFile(dump)
        let stem = FileAccess.lastComponent(dump.path).prefix { $0 != "." }
        let copy = "\(ramDirectory)/restore-\(fileName(source.definition.id))-\(stem).ram"
        let lockPath = copy + ".lock"
        guard let lock = try FileLock(path: lockPath) else {
            throw RestoreError(.refused, "another restore of the same RAM is running; wait until it ends")
        }
        // Left by a restore that was killed.
        unlink(copy)
        if dump.packed == nil, !changeable {
            // A second name, so that an archiving that comes to its end meanwhile does not take the dump away.
            let isLinked = link(dump.path, copy) == 0
            return FetchedDump(path: isLinked ? copy : dump.path, isCopy: isLinked, lock: lock, lockPath: lockPath)
        }
        do {
            try await bring(dump, to: copy)
        } catch {
            unlink(lockPath)
            throw error
        }
        return FetchedDump(path: copy, isCopy: true, lock: lock, lockPath: lockPath)
    }

    private func bring(_ dump: StoredDump, to copy: String) async throws {
        try requireRoom(dump.bytes)
        do {
            // A dump takes as long as it takes: a guest of 1 TiB at 100 MB/s some three hours.
            try await blocking("reading the RAM dump", within: .seconds(24 * 3600)) {
                if let packed = dump.packed {
                    try unpack(dump.path, expecting: packed, to: copy, progress: progress)
                } else {
                    try copyPlain(dump.path, to: copy)
                }
            }
        } catch {
            unlink(copy)
            throw RestoreError(
                .refused, "the RAM cannot be restored; --without-memory restores the disks", cause: error)
        }
    }

    /// A dump that is still as libvirt wrote it; `ram_dir` is root's alone.
    private func copyPlain(_ dump: String, to copy: String) throws {
        let input = try Folder(reaching: FileAccess.parent(dump)).file(FileAccess.lastComponent(dump))
        try input.closeAfter {
            let output = try Folder(reaching: FileAccess.parent(copy)).newFile(FileAccess.lastComponent(copy))
            try output.closeAfter {
                try FileCopy(of: input, to: output).make(progress: progress)
                let owner = FileOwnership(try input.status())
                try FileOwnership(user: owner.user, group: owner.group, mode: 0o600).apply(to: output)
                try output.sync()
            }
        }
    }

    private func requireFile(_ dump: StoredDump) throws {
        var status = stat()
        guard stat(dump.path, &status) == 0 else {
            let fix =
                if let coldStorage, dump.path.hasPrefix(coldStorage + "/"), FileAccess.names(in: coldStorage).isEmpty {
                    "cold_storage \(coldStorage) is empty: mount it"
                } else {
                    "restore the file from a backup"
                }
            throw RestoreError(
                .refused, "the RAM dump \(dump.path) is not there; \(fix), or restore --without-memory")
        }
        let expected = dump.packed?.storedBytes ?? dump.bytes
        guard UInt64(status.st_size) == expected else {
            throw RestoreError(
                .refused,
                "the RAM dump \(dump.path) has \(status.st_size) bytes and must have \(expected); it is damaged: restore "
                    + "--without-memory")
        }
    }

    private func requireRoom(_ bytes: UInt64) throws {
        let room = try FreeSpace.fillable(at: ramDirectory)
        guard room > bytes else {
            throw RestoreError(
                .refused,
                "ram_dir \(ramDirectory) has room for \(room >> 20) MiB (a tenth of its file system stays free) and the "
                    + "RAM needs \(bytes >> 20) MiB; make room"
            )
        }
    }
}
