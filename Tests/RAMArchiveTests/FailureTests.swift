import SHA256
import SystemPackage
import TestSupport
import Testing

@testable import RAMArchive

@Suite("An archive's failure")
struct FailureTests {
    @Test(
        "to write is told by what helps",
        arguments: [
            (.noSpace, .full), (.diskQuotaExceeded, .full), (.fileTooLarge, .full), (.fileExists, .exists),
            (.noSuchFileOrDirectory, .unwritable), (.ioError, .unwritable), (.readOnlyFileSystem, .unwritable),
        ] as [(Errno, ArchiveError.Code)])
    func writing(problem: Errno, expected: ArchiveError.Code) {
        let error = ArchiveError(writing: "/cold/web01\n.zst", problem)
        #expect(error.code == expected)
        #expect(error.description.contains("/cold/web01\\n.zst"))
        #expect(error.description.hasSuffix(": \(problem)"))
        #expect(!error.description.contains { $0.isNewline })
    }

    @Test(
        "to read is told by what helps",
        arguments: [
            (.noSuchFileOrDirectory, .missing), (.notDirectory, .missing), (.ioError, .unreadable),
            (.permissionDenied, .unreadable), (.tooManySymbolicLinkLevels, .unreadable), (.noMemory, .noMemory),
        ] as [(Errno, ArchiveError.Code)])
    func reading(problem: Errno, expected: ArchiveError.Code) {
        #expect(ArchiveError(reading: "/cold/web01.zst", problem).code == expected)
    }

    @Test("for want of room leaves no file behind", arguments: Compression.allCases)
    func full(compression: Compression) throws {
        try withScratchFolder { scratch in
            let source = try scratch.write("dump", dump(3 << 20))
            let part = try scratch.write("archive.part", "")
            let found = code {
                // Every write to it fails with ENOSPC (full(4)).
                let device = try FileDescriptor.open("/dev/full", .writeOnly)
                var output = OutputFile(device, at: part, isDurable: true)
                _ = try pack(try InputFile(source), into: &output, compression: compression, progress: nil)
            }
            #expect(found == .full)
            #expect(try scratch.names(in: "") == ["dump"])
        }
    }
}

@Suite("A ring of buffers")
struct HashingRingTests {
    @Test("hashes the same with a thread and without", arguments: [true, false], [0, 1, 7, 8, 9, 50])
    func threads(isThreaded: Bool, count: Int) throws {
        let ring = HashingRing(bufferSize: 64, isThreaded: isThreaded)
        let expected = SHA256()
        for step in 0..<count {
            let bytes = [UInt8](repeating: UInt8(step), count: step % 64)
            ring.buffer.copyBytes(from: bytes)
            ring.add(bytes.count)
            expected.add(bytes)
        }
        #expect(ring.finish() == hexadecimal(expected.finish()))
    }

    @Test("may be given up in the middle", arguments: [true, false])
    func abandoned(isThreaded: Bool) throws {
        for count in 0..<10 {
            let ring = HashingRing(bufferSize: 64, isThreaded: isThreaded)
            for _ in 0..<count { ring.add(ring.buffer.count) }
            _ = ring.buffer
        }
    }
}
