internal import Glibc

/// A file with a password or the like, which nobody but its owner can read.
package struct SecretFile: Sendable {
    package let path: String
    /// What it holds: `password`.
    let what: String
    /// systemd put it there: it keeps others out by the folder, and lets the unit's user read it by its group bits.
    let isCredential: Bool

    private static let longest = 4096

    /// Why it is not used; names the file and the fix, and nothing of what is in it.
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    package init(_ path: String, what: String = "password", isCredential: Bool = false) {
        self.path = path
        self.what = what
        self.isCredential = isCredential
    }

    /// What it holds, without the newline at its end.
    /// - Throws: ``Refusal`` where it cannot be read, or others could read it.
    package func read() throws(Refusal) -> Secret {
        do {
            try TrustedPath.requireFolder(FileAccess.parent(path))
        } catch let problem as UntrustedPathError {
            throw bad("is not trusted: \(problem)")
        } catch {
            throw bad("cannot be read (\(error))")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw bad("cannot be read (\(String(cString: strerror(errno))))") }
        defer { close(descriptor) }
        // Of the very file that was opened, so that nobody can exchange it in between.
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw bad("cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw bad("is not a regular file") }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw bad("belongs to another user; run: chown root \(shellQuoted(path))")
        }
        guard status.st_mode & (isCredential ? 0o007 : 0o077) == 0 else {
            throw bad(
                "can be read by others; run: chmod 600 \(shellQuoted(path)), and change the \(what), which may be known"
            )
        }
        var bytes = [UInt8](repeating: 0, count: Self.longest + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw bad("cannot be read (\(String(cString: strerror(errno))))") }
            if got == 0 { break }
            count += got
        }
        guard count <= Self.longest else { throw bad("is too long for a \(what)") }
        var text = bytes[..<count]
        if text.last == UInt8(ascii: "\n") { text.removeLast() }
        if text.last == UInt8(ascii: "\r") { text.removeLast() }
        guard !text.isEmpty else { throw bad("is empty") }
        guard let secret = String(validating: text, as: UTF8.self) else { throw bad("is not UTF-8 text") }
        return Secret(secret)
    }

    private func bad(_ problem: String) -> Refusal {
        Refusal(description: "the \(what) file \(path) \(problem)")
    }
}
