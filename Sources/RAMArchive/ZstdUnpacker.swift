internal import CZstd

/// Reads a file that is one Zstandard frame, and nothing more.
struct ZstdUnpacker: ~Copyable {
    /// The largest window that is accepted, as a power of two: level 3 has 21 (2 MiB). It bounds the memory that a
    /// forged header can ask for.
    private static let windowLog: CInt = 23

    private let context: OpaquePointer
    private let stored: UnsafeMutableRawBufferPointer
    private var input: ZSTD_inBuffer
    private var isEnded = false

    init() throws {
        guard let context = ZSTD_createDCtx() else { throw ArchiveError.noMemoryForZstd }
        self.context = context
        stored = .allocate(byteCount: HashingRing.bufferSize, alignment: 4096)
        input = ZSTD_inBuffer(src: stored.baseAddress, size: 0, pos: 0)
        // A constant within its bounds: cannot fail.
        _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLog)
    }

    deinit {
        ZSTD_freeDCtx(context)
        stored.deallocate()
    }

    /// Unpacks until the buffer is full or the frame ends; gives the number of bytes.
    mutating func fill(_ buffer: UnsafeMutableRawBufferPointer, from file: borrowing InputFile) throws -> Int {
        var plain = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while !isEnded && plain.pos < plain.size {
            let isFileEnded = try refill(from: file)
            do {
                // 0 when the frame is decoded, its checksum was right, and all is handed out (zstd.h).
                isEnded = try ZSTD_decompressStream(context, &plain, &input).zstdChecked() == 0
            } catch let problem as ZstdError {
                guard !problem.isOutOfMemory else { throw ArchiveError.noMemoryForZstd }
                throw ArchiveError.damaged(file.path, problem.description)
            }
            if isFileEnded && !isEnded && plain.pos < plain.size {
                throw ArchiveError.damaged(file.path, "it ends too early")
            }
        }
        if isEnded, try input.pos < input.size || !refill(from: file) {
            throw ArchiveError.damaged(file.path, "something follows its end")
        }
        return plain.pos
    }

    /// Reads on when all that was read is decoded; true when the file has no more.
    private mutating func refill(from file: borrowing InputFile) throws -> Bool {
        guard input.pos == input.size else { return false }
        input.size = try file.fill(stored)
        input.pos = 0
        return input.size == 0
    }
}
