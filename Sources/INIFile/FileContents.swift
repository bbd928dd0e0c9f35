import Glibc

/// No configuration is this large; the limit keeps a device or a log named by mistake from filling the memory.
private let largestFile = 4 << 20

extension INIFile {
    /// The bytes of a regular file.
    /// - Throws: ``INIError``: `missing` or `unreadable`.
    public static func contents(of path: String) throws(INIError) -> [UInt8] {
        // Not blocking, so that a FIFO named by mistake is refused below rather than waited for.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(errno, path: path) }
        defer { close(descriptor) }

        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(errno, path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw INIError(.unreadable, path: path, message: "is not a regular file; name a configuration file")
        }

        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure(errno, path: path) }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= largestFile else {
                throw INIError(.unreadable, path: path, message: "is larger than 4 MiB; name a configuration file")
            }
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
