internal import Glibc
internal import Support
internal import SystemPackage

/// Why a program that the configuration names is not run: others could put another one in its place.
package struct UntrustedProgramError: Error, Sendable, CustomStringConvertible {
    package let description: String
}

/// A program that is run with all that this process may.
package struct TrustedProgram: Sendable {
    let path: String

    package init(_ path: String) {
        self.path = path
    }

    /// Checks that nobody but root, or this process's own user, can change it or put another one in its place: what is started
    /// by its path is then what was checked. One that is not there is not refused here.
    /// - Throws: UntrustedProgramError.
    package func checkOwners() throws(UntrustedProgramError) {
        do {
            try TrustedPath.requireFile(path)
        } catch let problem as UntrustedPathError {
            throw UntrustedProgramError(description: "exec:\(printable(path, limit: 300)) is not run: \(problem)")
        } catch Errno.tooManySymbolicLinkLevels {
            throw UntrustedProgramError(
                description:
                    "exec:\(printable(path, limit: 300)) is not run: others could change a symbolic link on the "
                    + "way; name the place itself")
        } catch {
            // As it turns out when it is started.
        }
    }

    /// The same, and that there is one.
    /// - Throws: UntrustedPathError, Errno.
    func require() throws { try TrustedPath.requireFile(path) }
}

extension TrustedProgram {
    /// Checks all that the next run would meet.
    /// - Throws: UntrustedProgramError, which ends in what to do about it.
    package func check() throws(UntrustedProgramError) {
        try checkOwners()
        let name = "exec:\(printable(path, limit: 300))"
        do {
            try require()
        } catch {
            throw UntrustedProgramError(
                description:
                    "\(name) cannot be run (\(error)); name a program that is there, or take it out of `strategy`")
        }
        guard access(path, X_OK) == 0 else {
            throw UntrustedProgramError(
                description: "\(name) cannot be run (\(Errno(rawValue: errno))); run: chmod u+x \(shellQuoted(path))")
        }
        guard let missing = missingInterpreter else { return }
        throw UntrustedProgramError(
            description: "\(name) cannot be run: its first line names \(printable(missing, limit: 300)), which is not "
                + "there or cannot be run; install that, or correct the line")
    }

    /// What the first line of a script names that could not be started; nil where it is no script, or can be run (execve(2)).
    private var missingInterpreter: String? {
        guard let head = try? FileAccess.read(path, limit: 256), head.starts(with: Array("#!".utf8)) else { return nil }
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        // The kernel takes away blanks at the end, too (fs/binfmt_script.c).
        var line = head.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
        while let last = line.last, isBlank(last) { line.removeLast() }
        let words = line.split(maxSplits: 1, whereSeparator: isBlank).map { String(decoding: $0, as: UTF8.self) }
        guard let interpreter = words.first else { return nil }
        guard interpreter.hasPrefix("/"), access(interpreter, X_OK) == 0 else { return interpreter }
        // `env NAME` looks for it in the folders that the program is given.
        guard FileAccess.lastComponent(interpreter) == "env", let name = words.dropFirst().first, !name.hasPrefix("-"),
            !name.contains("/"), !name.contains("=")
        else { return nil }
        let isThere = ProgramFolders.system.contains { access("\($0)/\(name)", X_OK) == 0 }
        return isThere ? nil : "\(interpreter) \(name)"
    }
}
