import Glibc
import TestSupport
import Testing

@testable import Support

@Suite("A lock on a file")
struct FileLockTests {
    private static let rounds = 10_000

    @Test("that somebody else has closes nothing but its own file, whatever other threads open meanwhile")
    func refused() async throws {
        try await withScratchFolder { scratch async throws in
            let path = scratch.path + "/lock"
            let held = try #require(try FileLock(path: path))
            async let refused = Self.isRefused(path)
            async let isLeftAlone = Self.keepsFiles()
            #expect(try await refused)
            #expect(await isLeftAlone)
            withExtendedLifetime(held) {}
        }
    }

    private static func isRefused(_ path: String) async throws -> Bool {
        for round in 0..<rounds {
            guard try FileLock(path: path) == nil else { return false }
            if round % 100 == 0 { await Task.yield() }
        }
        return true
    }

    private static func keepsFiles() async -> Bool {
        // A file takes a fiftieth of a lock's time.
        for round in 0..<50 * rounds {
            let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard close(file) == 0 else { return false }
            if round % 5000 == 0 { await Task.yield() }
        }
        return true
    }
}
