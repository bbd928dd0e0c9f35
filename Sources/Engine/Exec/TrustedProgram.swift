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
        guard access(path, X_OK) != 0 else { return }
        throw UntrustedProgramError(
            description: "\(name) cannot be run (\(Errno(rawValue: errno))); run: chmod u+x \(shellQuoted(path))")
    }
}
