/// Takes an answer as it arrives, up to a limit.
final class ResponseBuffer {
    private(set) var body: [UInt8] = []
    /// The cookies of the answer, as they are sent back: `name=value`.
    private(set) var cookies: [String] = []
    private(set) var isTooLong = false
    private let limit: Int
    /// Those beyond are not kept.
    private static let mostCookies = 100

    init(limit: Int) {
        self.limit = limit
    }

    /// Whether the piece was taken; false stops the transfer.
    fileprivate func take(_ piece: UnsafeRawBufferPointer) -> Bool {
        guard body.count + piece.count <= limit else {
            isTooLong = true
            return false
        }
        body += piece
        return true
    }

    fileprivate func receiveHeader(_ line: UnsafeRawBufferPointer) {
        let line = String(decoding: line, as: UTF8.self)
        guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == "set-cookie" else { return }
        let pair = line[line.index(after: colon)...].prefix { $0 != ";" && !$0.isNewline }.drop { $0 == " " }
        if cookies.count < Self.mostCookies { cookies.append(String(pair)) }
    }

    fileprivate static func of(_ user: UnsafeMutableRawPointer?) -> ResponseBuffer? {
        user.map { Unmanaged<ResponseBuffer>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// Gives a request's body, once.
///
/// libcurl repeats a request whose connection died before the first byte of the answer, though the server may
/// have carried it out. A body that it cannot rewind keeps it from that (CURLE_SEND_FAIL_REWIND).
final class RequestBody {
    private let body: [UInt8]
    private var offset = 0

    init(_ body: [UInt8]) {
        self.body = body
    }

    fileprivate func give(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let piece = body[offset...].prefix(room.count)
        room.copyBytes(from: piece)
        offset += piece.count
        return piece.count
    }

    fileprivate static func of(_ user: UnsafeMutableRawPointer?) -> RequestBody? {
        user.map { Unmanaged<RequestBody>.fromOpaque($0).takeUnretainedValue() }
    }
}

// Free functions, not closures: Swift 6 must not take a C callback for isolated code.

nonisolated func receiveBody(
    _ piece: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
    let bytes = UnsafeRawBufferPointer(start: piece, count: size * count)
    return ResponseBuffer.of(user)?.take(bytes) == true ? bytes.count : 0
}

nonisolated func receiveHeader(
    _ piece: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
    let bytes = UnsafeRawBufferPointer(start: piece, count: size * count)
    ResponseBuffer.of(user)?.receiveHeader(bytes)
    return bytes.count
}

nonisolated func sendBody(
    _ room: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
    RequestBody.of(user)?.give(UnsafeMutableRawBufferPointer(start: room, count: size * count)) ?? 0
}
