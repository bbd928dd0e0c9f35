extension JSONError {
    /// What a decoder or a type's `init(from:)` threw.
    init(decoding error: any Error) {
        switch error as? DecodingError {
        case .typeMismatch(_, let context)?:
            self.init(.mismatch, context.debugDescription, at: context.codingPath, cause: error)
        case .valueNotFound(_, let context)?:
            self.init(.missing, context.debugDescription, at: context.codingPath, cause: error)
        case .keyNotFound(let key, let context)?:
            self.init(.missing, "is missing", at: context.codingPath + [key], cause: error)
        case .dataCorrupted(let context)?:
            self.init(
                .invalid, context.debugDescription, at: context.codingPath, cause: context.underlyingError ?? error)
        default:
            self.init(.invalid, "\(error)", at: [], cause: error)
        }
    }

    /// What an encoder or a type's `encode(to:)` threw.
    init(encoding error: any Error) {
        if case .invalidValue(_, let context)? = error as? EncodingError {
            self.init(
                .unwritable, context.debugDescription, at: context.codingPath, cause: context.underlyingError ?? error)
        } else {
            self.init(.unwritable, "\(error)", at: [], cause: error)
        }
    }
}
