internal import Bounds
internal import DiskLocation
internal import Hypervisor

/// The room for RAM dumps in `ram_dir`, given to one VM after another.
package actor RAMSpaceBudget {
    /// Device state and the head of the dump, beside the RAM itself.
    private static let extraBytes: UInt64 = 32 << 20

    private let directory: String
    private var left: UInt64?

    package init(directory: String) {
        self.directory = directory
    }

    /// What the dump of a guest with that much RAM takes, in bytes.
    package static func needed(for memory: UInt64) -> UInt64 { memory.plus(extraBytes) }

    /// Sets room aside for a guest with that much RAM, in bytes. A tenth of the file system stays free.
    /// - Throws: HypervisorError with remedy `.fallBack` when there is too little.
    func reserve(_ memory: UInt64) throws {
        let room: UInt64
        do {
            room = try left ?? freeBytes()
        } catch {
            throw HypervisorError(
                .notQuiesced, "ram_dir cannot be used", remedy: .fallBack, cause: error, reason: .noRoom)
        }
        let needed = Self.needed(for: memory)
        guard needed <= room else {
            throw HypervisorError(
                .notQuiesced,
                "ram_dir \(directory) has room for \(room >> 20) MiB more, and \(needed >> 20) MiB are needed",
                remedy: .fallBack, reason: .noRoom)
        }
        left = room - needed
    }

    /// The dump for which that was reserved was not made.
    func giveBack(_ memory: UInt64) {
        left = left?.plus(Self.needed(for: memory))
    }

    private func freeBytes() throws -> UInt64 {
        try FreeSpace.fillable(at: directory)
    }
}
