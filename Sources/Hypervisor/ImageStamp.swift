/// By comparing it later one can tell whether an image has been written to since.
public struct ImageStamp: Sendable, Codable, Equatable {
    /// `/proc/sys/kernel/random/boot_id` at that time.
    public let boot: String
    /// Of a file: when it was last written, in nanoseconds since 1970. Nil for a device, which has no such time.
    public let modified: Int64?
    /// Of a file: its number in its file system. Device numbers of file systems change with each mount.
    public let inode: UInt64?
    /// Of a file: its length in bytes.
    public let bytes: UInt64?
    /// Of a block device: the sectors written and discarded since the host was started (`/sys/dev/block/…/stat`).
    public let sectors: UInt64?

    /// A stamp with these parts.
    public init(boot: String, modified: Int64?, inode: UInt64?, bytes: UInt64?, sectors: UInt64?) {
        self.boot = boot
        self.modified = modified
        self.inode = inode
        self.bytes = bytes
        self.sectors = sectors
    }

    /// Whether the image that has the stamp `now` was not written to since this one was taken; nil: nothing tells.
    public func isUnwritten(_ now: ImageStamp) -> Bool? {
        if let modified, let later = now.modified {
            guard inode == now.inode, bytes == now.bytes else { return false }
            // After a power cut a file may be as it was some seconds before the stamp; put back by anything else, it is
            // not the base that the overlay belongs to.
            return boot == now.boot ? later == modified : later <= modified
        }
        guard let sectors, let more = now.sectors else { return false }
        // The count begins anew with each start of the host.
        return boot == now.boot ? more == sectors : nil
    }
}
