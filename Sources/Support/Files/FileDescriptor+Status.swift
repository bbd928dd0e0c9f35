public import Glibc
public import SystemPackage

extension FileDescriptor {
    /// What fstat(2) says.
    public func status() throws(Errno) -> Glibc.stat {
        var status = Glibc.stat()
        guard fstat(rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        return status
    }

    /// At most `limit` bytes from the beginning.
    public func content(limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: max(1, min(limit, 64 << 10)))
        while bytes.count < limit {
            let most = min(piece.count, limit - bytes.count)
            let count = try piece.withUnsafeMutableBytes {
                try read(fromAbsoluteOffset: Int64(bytes.count), into: .init(rebasing: $0[..<most]))
            }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return bytes
    }

    /// The bytes from `offset` on: `count`, or as many as there are.
    public func bytes(at offset: UInt64, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let rest = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[filled..<count])
                let got = try read(fromAbsoluteOffset: Int64(offset) + Int64(filled), into: rest)
                if got == 0 { break }
                filled += got
            }
        }
    }

    /// Brings all of it to the disk.
    public func sync() throws(Errno) {
        while fsync(rawValue) != 0 {
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }
}

/// Who owns a file of data, and who may read and write it; it is never to be run, nor to lend its owner's rights.
public struct FileOwnership: Sendable, Equatable {
    /// The user's number.
    public let user: uid_t
    /// The group's number.
    public let group: gid_t
    /// Bits of 0666 only, its owner's among them.
    public let mode: mode_t

    /// Takes an owner and as much of a mode as a file of data may have.
    public init(user: uid_t, group: gid_t, mode: mode_t) {
        self.user = user
        self.group = group
        self.mode = mode & 0o666 | 0o600
    }

    /// That of a file.
    public init(_ status: Glibc.stat) { self.init(user: status.st_uid, group: status.st_gid, mode: status.st_mode) }

    /// The same owner, and only who may use the other file too.
    public func restricted(to other: FileOwnership) -> FileOwnership {
        FileOwnership(user: user, group: group, mode: mode & other.mode)
    }

    /// Gives an open file to that owner, where this process may.
    public func apply(to file: FileDescriptor) throws(Errno) {
        if geteuid() == 0 {
            guard fchown(file.rawValue, user, group) == 0 else { throw Errno(rawValue: errno) }
        }
        guard fchmod(file.rawValue, mode) == 0 else { throw Errno(rawValue: errno) }
    }
}
