/// Why a restore did not come to its end, and what state things are in.
package struct RestoreError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// Nothing was touched.
        case refused
        /// What was done has been undone.
        case undone
        /// Something is half done; the description says what and how to continue.
        case halfDone
    }

    package let code: Code
    package let description: String
    package let cause: (any Error)?

    package init(_ code: Code, _ description: String, cause: (any Error)? = nil) {
        self.code = code
        self.description = cause.map { "\(description): \($0)" } ?? description
        self.cause = cause
    }
}
