internal import Glibc
internal import SystemPackage

/// State that cannot be read or written.
package struct StateError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        let name: String
        /// The directory cannot be used.
        package static let directory = Code(name: "directory")
        /// The directory is root's, and this process is not.
        package static let notRoot = Code(name: "not root")
        /// A state file is not whole.
        package static let damaged = Code(name: "damaged")
        /// A state file was written by a newer Stillpoint.
        package static let newerFormat = Code(name: "newer format")
        /// A state file could not be written.
        package static let notWritten = Code(name: "not written")
    }

    package let code: Code
    /// Says which file, what is wrong and how to fix it.
    package let description: String
    package let cause: (any Error)?

    package init(code: Code, description: String, cause: (any Error)?) {
        self.code = code
        self.description = description
        self.cause = cause
    }
}

extension StateError {
    /// A directory or a lock that cannot be used.
    /// - Parameters:
    ///   - trouble: what cannot be done with which path.
    ///   - fix: what to do, where root has this trouble.
    init(_ trouble: String, fix: String? = nil, _ cause: any Error) {
        let isDenied = [.permissionDenied, .notPermitted].contains(cause as? Errno)
        if isDenied, geteuid() != 0 {
            self.init(code: .notRoot, description: "\(trouble) (\(cause)); run it as root", cause: cause)
        } else {
            let rest = fix.map { "; \($0)" } ?? ""
            self.init(code: .directory, description: "\(trouble) (\(cause))\(rest)", cause: cause)
        }
    }
}
