import Glibc
import Support
import Testing

@Suite("A process whose memory is in no core dump")
struct CoreDumpTests {
    @Test("may still see what it needs of itself")
    func itself() {
        forbidCoreDumps()
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0)
        #expect(limit.rlim_cur == 0 && limit.rlim_max == 0)
        #expect(access("/proc/self/exe", X_OK) == 0)
        #expect(!FileAccess.names(in: "/proc/self/fd").isEmpty)
        #expect((try? FileAccess.read("/proc/self/mountinfo", limit: 10))?.count == 10)
    }
}
