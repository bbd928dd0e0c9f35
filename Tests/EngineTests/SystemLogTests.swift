import Glibc
import Logging
import Support
import TestSupport
import Testing

@testable import Engine

@Suite("The system's log")
struct SystemLogTests {
    /// A socket as /dev/log is.
    private static func listen(at path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(status == 0)
        return descriptor
    }

    @Test(
        "gets a line as syslog(3) writes it, and never two",
        arguments: [
            (Logger.Level.error, "web01: failed", "<27>stillpoint[\(getpid())]: web01: failed"),
            (.warning, "a\nb", "<28>stillpoint[\(getpid())]: a\\nb"),
            (.info, "ünïcödé", "<30>stillpoint[\(getpid())]: ünïcödé"),
        ])
    func line(level: Logger.Level, message: String, expected: String) throws {
        try withScratchFolder { scratch in
            let descriptor = try Self.listen(at: scratch.path + "/log")
            defer { close(descriptor) }
            let log = Logger(label: "test") { _ in SystemLog(socket: scratch.path + "/log") }
            log.log(level: level, "\(message)")
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == expected)
        }
    }

    @Test("is not waited for where nobody takes the lines, or there is none")
    func full() throws {
        try withScratchFolder { scratch in
            let descriptor = try Self.listen(at: scratch.path + "/log")
            defer { close(descriptor) }
            let log = Logger(label: "test") { _ in SystemLog(socket: scratch.path + "/log") }
            let start = ContinuousClock.now
            for number in 0..<2000 { log.info("line \(number)") }
            for path in ["/nowhere/log", String(repeating: "x", count: 300)] {
                Logger(label: "test") { _ in SystemLog(socket: path) }.info("lost")
            }
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }
}
