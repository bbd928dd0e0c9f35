internal import CZstd

/// Writes a dump as one Zstandard frame.
struct ZstdPacker: ~Copyable {
    /// libzstd's default: 530 MB/s a core with a dump's usual mixture; level 1 has 720 MB/s but stores 7 % more.
    private static let level: CInt = 3

    private let context: OpaquePointer
    private let room: UnsafeMutableRawBufferPointer

    /// - Parameter plainBytes: the dump's length, for the frame's header.
    init(plainBytes: UInt64) throws {
        guard let context = ZSTD_createCCtx() else { throw ArchiveError.noMemoryForZstd }
        self.context = context
        room = .allocate(byteCount: HashingRing.bufferSize, alignment: 4096)
        // Constants within their bounds, set before the first byte: these calls cannot fail (zstd.h). No
        // ZSTD_c_nbWorkers: Debian's libzstd.a has no threads, and the VMs want the other processors.
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.level)
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        _ = ZSTD_CCtx_setPledgedSrcSize(context, plainBytes)
    }

    deinit {
        ZSTD_freeCCtx(context)
        room.deallocate()
    }

    /// Packs on.
    func add(_ bytes: UnsafeRawBufferPointer, to output: inout OutputFile) throws {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while input.pos < input.size {
            _ = try step(&input, ZSTD_e_continue, &output)
        }
    }

    /// Ends the frame.
    func end(_ output: inout OutputFile) throws {
        var nothing = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
        while try step(&nothing, ZSTD_e_end, &output) > 0 {}
    }

    /// Gives 0 when there is nothing left to write (`ZSTD_compressStream2` in zstd.h).
    private func step(
        _ input: inout ZSTD_inBuffer, _ directive: ZSTD_EndDirective, _ output: inout OutputFile
    ) throws -> Int {
        var result = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
        let left: Int
        do {
            left = try ZSTD_compressStream2(context, &result, &input, directive).zstdChecked()
        } catch let problem as ZstdError {
            guard !problem.isOutOfMemory else { throw ArchiveError.noMemoryForZstd }
            throw ArchiveError(.unwritable, "Zstandard failed; pack without compression", cause: problem)
        }
        try output.write(UnsafeRawBufferPointer(rebasing: room[..<result.pos]))
        return left
    }
}
