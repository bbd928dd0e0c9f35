import Glibc
import Support
import Synchronization
import TestSupport

/// A server on 127.0.0.1 that does with each connection what a test says.
final class LineServer: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let count = Mutex(0)

    /// - Parameter serve: gets the connection and its number, from 0; it is closed afterwards.
    init(_ serve: @escaping @Sendable (_ connection: Int32, _ number: Int) -> Void) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        try required(isBound)
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
        startThread { [self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                let number = count.withLock { count in
                    count += 1
                    return count - 1
                }
                startThread {
                    serve(connection, number)
                    close(connection)
                }
            }
        }
    }

    /// Ends it; connections that are open stay so.
    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    static func send(_ text: String, _ connection: Int32) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// What comes until a text is there, or nothing for ten seconds.
    static func receive(until end: String, _ connection: Int32) -> String {
        var time = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while !String(decoding: bytes, as: UTF8.self).contains(end) {
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
