internal import Engine

/// Why a restore did not come to its end, and what state things are in.
struct RestoreError: Error, Sendable, CustomStringConvertible {
    enum Code: Sendable {
        /// Nothing was touched.
        case refused
        /// What was done has been undone.
        case undone
        /// Something is half done; the description says what and how to continue.
        case halfDone
    }

    let code: Code
    let description: String
    let cause: (any Error)?

    init(_ code: Code, _ description: String, cause: (any Error)? = nil) {
        self.code = code
        self.description = cause.map { "\(description): \($0)" } ?? description
        self.cause = cause
    }
}

extension RestoreError: ErrorWithExitCode {
    package var exitCode: ExitCode {
        switch code {
        case .refused: .usage
        case .undone: .notConsistent
        case .halfDone: .needsRecovery
        }
    }
}
