import TestSupport
import Testing

@testable import Support

@Suite("A program's standard input")
struct ProgramInputTests {
    @Test("is what it is given, also where it reads nothing of it", arguments: [0, 10, 1 << 20])
    func input(size: Int) async throws {
        let bytes = [UInt8](repeating: 7, count: size)
        let all = try await ChildProcess.run("/bin/cat", [], input: bytes, within: .seconds(20), outputLimit: 2 << 20)
        #expect(all.output == bytes && all.exitStatus == 0)
        let none = try await ChildProcess.run("/bin/true", [], input: bytes, within: .seconds(20))
        #expect(none.exitStatus == 0)
    }
}
