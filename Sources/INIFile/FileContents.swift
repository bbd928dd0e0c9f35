internal import Bounds
internal import Glibc
internal import Support
internal import SystemPackage

extension Budget {
    /// No configuration is this large; the limit keeps a device or a log named by mistake from filling the memory.
    ///
    /// Nodes are lines.
    static let configuration = Budget(bytes: 4 << 20, nodes: 100_000)
}

extension INIFile {
    /// The bytes of a regular file that only root, or this process's own user, can change.
    /// - Throws: ``INIError``: `missing`, or `unreadable`, also where others could change what is obeyed.
    public static func contents(of path: String) throws(INIError) -> [UInt8] {
        let file = try trustedFile(at: path)
        let bytes: [UInt8]
        do {
            bytes = try file.closeAfter { try file.content(limit: Budget.configuration.bytes + 1) }
        } catch {
            throw failure((error as? Errno ?? .ioError).rawValue, path: path)
        }
        try checkCost(of: bytes, path: path)
        return bytes
    }

    private static func trustedFile(at path: String) throws(INIError) -> FileDescriptor {
        do {
            return try TrustedPath.open(path)
        } catch let problem as Errno {
            guard problem != .invalidArgument else {
                throw INIError(.unreadable, path: path, message: "is not a regular file; name a configuration file")
            }
            throw failure(problem.rawValue, path: path)
        } catch {
            throw INIError(.unreadable, path: path, message: "is not used: \(error)")
        }
    }

    /// - Throws: INIError `.unreadable`.
    static func checkCost(of bytes: [UInt8], path: String) throws(INIError) {
        do throws(BudgetError) {
            var budget = Budget.configuration
            try budget.spend(bytes: bytes.count)
            // Either may end a line of sanoid's.
            let ends = bytes.count { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            try budget.spend(nodes: ends)
        } catch {
            let message =
                error.code == .bytes ? "is larger than 4 MiB" : "has more than \(Budget.configuration.nodes) lines"
            throw INIError(.unreadable, path: path, message: message + "; name a configuration file")
        }
    }
}

private func failure(_ number: CInt, path: String) -> INIError {
    let reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
    if number == ENOENT || number == ENOTDIR {
        return INIError(.missing, path: path, message: "there is no such file; create it or name another")
    }
    return INIError(.unreadable, path: path, message: "cannot be read (\(reason)); check its owner and mode")
}
