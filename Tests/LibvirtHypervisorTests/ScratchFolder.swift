import Glibc
import Testing

/// A folder of a test's own.
struct ScratchFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/libvirt-tests-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.flatMap { realpath($0, nil) }
        }
        let resolved = try #require(made)
        defer { free(resolved) }
        path = String(cString: resolved)
    }

    /// Writes a file, with the folders above it, and returns its path.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws -> String {
        try folder(name.split(separator: "/").dropLast().joined(separator: "/"))
        let file = try #require(fopen(path + "/" + name, "w"))
        defer { fclose(file) }
        try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        try #require(fchmod(fileno(file), mode) == 0)
        return path + "/" + name
    }

    /// Writes a text file, with the folders above it, and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws -> String {
        try write(name, Array(text.utf8), mode: mode)
    }

    /// Makes a folder with those above it and returns its path.
    @discardableResult
    func folder(_ name: String) throws -> String {
        var current = path
        for part in name.split(separator: "/") {
            current += "/" + part
            try #require(mkdir(current, 0o755) == 0 || errno == EEXIST)
        }
        return current
    }

    /// Makes a symbolic link, with the folders above it.
    func link(_ name: String, to target: String) throws {
        try folder(name.split(separator: "/").dropLast().joined(separator: "/"))
        try #require(symlink(target, path + "/" + name) == 0)
    }

    func remove() { Self.remove(path) }

    private static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR, let stream = opendir(path) {
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                    String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != "." && name != ".." { remove(path + "/" + name) }
            }
            closedir(stream)
        }
        _ = Glibc.remove(path)
    }
}

/// Gives a test a folder and removes it afterwards, whatever happened.
func withScratchFolder<Result>(_ body: (ScratchFolder) throws -> Result) throws -> Result {
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    return try body(scratch)
}

/// The same for a test that waits.
func withScratchFolder<Result>(_ body: (ScratchFolder) async throws -> Result) async throws -> Result {
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    return try await body(scratch)
}

/// The whole of a small file; nothing where there is none.
func readFile(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
}
