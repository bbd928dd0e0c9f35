public import Glibc

/// A tree that nothing may touch: its names, contents, owners, modes and times of change are compared afterwards.
public struct Canary: Sendable, Equatable {
    private let lines: [String]

    /// What is there now.
    public init(_ path: String) { lines = Self.lines(path) }

    private static func lines(_ path: String) -> [String] {
        var status = stat()
        guard lstat(path, &status) == 0 else { return ["\(path) is missing"] }
        let changed = "\(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)"
        let line =
            "\(path) \(status.st_ino) \(status.st_mode) \(status.st_uid):\(status.st_gid) \(status.st_size) \(changed)"
        switch status.st_mode & S_IFMT {
        case S_IFREG: return ["\(line) \((try? readFile(path)) ?? [])"]
        case S_IFDIR:
            let names = (try? ScratchFolder(path: path).names(in: "")) ?? []
            return [line] + names.flatMap { lines("\(path)/\($0)") }
        default: return [line]
        }
    }
}

/// Somebody who is not root.
public let stranger: uid_t = 12345

extension ScratchFolder {
    /// Gives a file or folder, or a link itself, to `stranger`.
    @discardableResult
    public func giveAway(_ name: String) throws -> String {
        try required(lchown("\(path)/\(name)", stranger, stranger) == 0)
        return "\(path)/\(name)"
    }
}
