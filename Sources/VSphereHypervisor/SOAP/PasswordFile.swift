internal import Glibc
internal import Hypervisor
internal import Support

/// Where a section's password comes from.
struct PasswordFile: Sendable {
    /// Its path.
    let path: String
    /// systemd put it there: it keeps others out by the folder, and lets the unit's user read it by its group bits.
    let isCredential: Bool

    private static let longest = 4096

    /// The file that `password_file` names, or else the systemd credential that is named after the section.
    /// - Throws: HypervisorError `.misconfigured` where there is neither.
    init(_ login: ServerLogin, section: String, environment: [String: String]) throws(HypervisorError) {
        if let file = login.passwordFile {
            path = file
            isCredential = false
        } else if let folder = environment["CREDENTIALS_DIRECTORY"], !folder.isEmpty {
            path = "\(folder)/\(section)"
            isCredential = true
        } else {
            throw HypervisorError(
                .misconfigured,
                "[hypervisor \(section)] has no password: set password_file to a file that only root can "
                    + "read, or give the unit the credential \(section) (LoadCredential=)",
                remedy: .stop)
        }
    }

    /// The password, without the newline at its end.
    /// - Throws: HypervisorError `.misconfigured` where it cannot be read, or others could read it.
    func read() throws(HypervisorError) -> Secret {
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
                "can be read by others; run: chmod 600 \(shellQuoted(path)), "
                    + "and change the password, which may be known")
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
        guard count <= Self.longest else { throw bad("is too long for a password") }
        var text = bytes[..<count]
        if text.last == UInt8(ascii: "\n") { text.removeLast() }
        if text.last == UInt8(ascii: "\r") { text.removeLast() }
        guard !text.isEmpty else { throw bad("is empty") }
        guard let password = String(validating: text, as: UTF8.self) else { throw bad("is not UTF-8 text") }
        return Secret(password)
    }

    private func bad(_ what: String) -> HypervisorError {
        HypervisorError(.misconfigured, "the password file \(path) \(what)", remedy: .stop)
    }
}
