internal import CZstd

extension Int {
    /// A result of libzstd, which tells failures in the same number (`ZSTD_isError` in zstd.h).
    /// - Throws: `ZstdError`.
    func zstdChecked() throws -> Int {
        guard ZSTD_isError(self) == 0 else { throw ZstdError(result: self) }
        return self
    }
}

/// What libzstd found wrong.
struct ZstdError: Error, Sendable, CustomStringConvertible {
    let isOutOfMemory: Bool
    let description: String

    init(result: Int) {
        isOutOfMemory = ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation
        description = String(cString: ZSTD_getErrorName(result))
    }
}

extension ArchiveError {
    static var noMemoryForZstd: ArchiveError {
        ArchiveError(.noMemory, "no memory for Zstandard; try again later")
    }
}
