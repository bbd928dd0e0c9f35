internal import Glibc

/// A folder of a test's own.
public struct ScratchFolder: Sendable {
    /// Its absolute path, without symbolic links.
    public let path: String

    /// A folder that is there already.
    public init(path: String) { self.path = path }

    /// A new, empty folder in /tmp; call `remove` when the test has ended.
    public init() throws {
        var template = Array("/tmp/stillpoint-tests-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.flatMap { realpath($0, nil) }
        }
        let resolved = try required(made)
        defer { free(resolved) }
        path = String(cString: resolved)
        // As a folder that QEMU must reach.
        try required(chmod(path, 0o711) == 0)
    }

    /// Writes a file, with the folders above it, and returns its path.
    @discardableResult
    public func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws -> String {
        try folder(name.split(separator: "/").dropLast().joined(separator: "/"))
        // Not open in a program that another test starts meanwhile: a script could not be run as long as that lives.
        let file = try required(fopen(path + "/" + name, "we"))
        defer { fclose(file) }
        try required(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        try required(fchmod(fileno(file), mode) == 0)
        return path + "/" + name
    }

    /// Writes a text file, with the folders above it, and returns its path.
    @discardableResult
    public func write(_ name: String, _ text: String, mode: UInt32 = 0o644) throws -> String {
        try write(name, Array(text.utf8), mode: mode)
    }

    /// Makes a folder with those above it and returns its path.
    @discardableResult
    public func folder(_ name: String) throws -> String {
        var current = path
        for part in name.split(separator: "/") {
            current += "/" + part
            try required(mkdir(current, 0o755) == 0 || errno == EEXIST)
        }
        return current
    }

    /// Makes a symbolic link, with the folders above it.
    public func link(_ name: String, to target: String) throws {
        try folder(name.split(separator: "/").dropLast().joined(separator: "/"))
        try required(symlink(target, path + "/" + name) == 0)
    }

    /// The names in a folder, sorted.
    public func names(in name: String) throws -> [String] {
        let stream = try required(opendir(path + "/" + name))
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The permissions of a file or folder.
    public func mode(_ name: String) throws -> UInt32 {
        var status = stat()
        try required(lstat(path + "/" + name, &status) == 0)
        return status.st_mode & 0o7777
    }

    /// Removes the folder with all that is in it.
    public func remove() { Self.remove(path) }

    /// Removes a file or a folder with all that is in it.
    public func remove(_ name: String) { Self.remove(path + "/" + name) }

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
public func withScratchFolder<Result>(_ body: (ScratchFolder) throws -> Result) throws -> Result {
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    return try body(scratch)
}

/// The same for a test that waits.
public func withScratchFolder<Result>(_ body: (ScratchFolder) async throws -> Result) async throws -> Result {
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    return try await body(scratch)
}

/// The whole of a small file; nothing where there is none.
public func readFile(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
}

/// A step of a test's preparations that failed.
package struct PreparationError: Error {
    package let number = errno
}

package func required(_ isDone: Bool) throws {
    guard isDone else { throw PreparationError() }
}

package func required<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw PreparationError() }
    return value
}
