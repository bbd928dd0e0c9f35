import Glibc

/// Ends the process, and so shows the input to libFuzzer, where the code did what it must never do.
func invariant(_ isKept: Bool, _ message: @autoclosure () -> String) {
    if !isKept { fatalError("INVARIANT: " + message()) }
}

/// A file of this process alone, for code that reads files.
enum ScratchFile {
    private static let folder = getenv("STILLPOINT_FUZZ_SCRATCH").map { String(cString: $0) } ?? "/dev/shm"
    static let path = "\(folder)/stillpoint-fuzz-\(getpid())"

    /// Gives it this content.
    static func write(_ bytes: some Collection<UInt8>, to path: String = path) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { fatalError("cannot write \(path)") }
        defer { close(file) }
        let bytes = Array(bytes)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { fatalError("cannot write \(path)") }
    }

    static func read(_ path: String = path) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 8 << 20)
        let count = Glibc.read(file, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}

/// Hands out an input byte by byte; zeros when it is used up.
struct Choices {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func flag() -> Bool { byte() & 1 != 0 }

    /// The bytes up to the next NUL, as text.
    mutating func text() -> String {
        let part = rest.prefix { $0 != 0 }
        rest = rest.dropFirst(part.count + 1)
        return String(decoding: part, as: UTF8.self)
    }
}
