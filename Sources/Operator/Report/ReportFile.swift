internal import Glibc
internal import Support
internal import SystemPackage

/// Where a report goes: a regular file, which is replaced as a whole, or standard output (`-`).
struct ReportFile {
    private let folder: Folder?
    private let name: String
    private let path: String

    /// - Throws: ReportFileError, before anything is written.
    init(_ path: String) throws(ReportFileError) {
        self.path = path
        name = FileAccess.lastComponent(path)
        guard path != "-" else {
            folder = nil
            return
        }
        // The name of a folder may be written in many ways, and none of them names a file.
        guard path.utf8.last != UInt8(ascii: "/"), !["", ".", ".."].contains(name) else {
            throw ReportFileError("\(printable(path, limit: 300)) names a folder; \(Self.fix(in: path))")
        }
        do throws(Errno) {
            folder = try Folder(reaching: FileAccess.parent(Self.absolute(path)))
        } catch {
            throw ReportFileError("the folder of \(printable(path, limit: 300)) cannot be used (\(error)); make it")
        }
        // A device or a link in its place would be replaced by a file.
        if let kind = folder?.kind(of: name), kind != S_IFREG {
            guard kind != S_IFDIR else {
                throw ReportFileError("\(printable(path, limit: 300)) is a folder; \(Self.fix(in: path))")
            }
            throw ReportFileError(
                "\(printable(path, limit: 300)) is no regular file; name one, or - for standard output")
        }
    }

    private static func fix(in folder: String) -> String {
        let slash = folder.utf8.last == UInt8(ascii: "/") ? "" : "/"
        return "name a file in it: \(printable(folder + slash + "report.html", limit: 300))"
    }

    private static func absolute(_ path: String) throws(Errno) -> String {
        if path.utf8.first == UInt8(ascii: "/") { return path }
        guard let folder = getcwd(nil, 0) else { throw Errno(rawValue: errno) }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }

    /// Replaces the file, so that who reads it has the old page or the new one. Its mode and owner stay; a new one
    /// gets those that a program's files usually get (umask).
    /// - Throws: ReportFileError.
    func write(_ bytes: [UInt8]) throws {
        guard let folder else {
            // Nobody is left to tell when standard output is closed.
            _ = try? FileDescriptor.standardOutput.writeAll(bytes)
            return
        }
        let temporary = ".\(name).tmp"
        do {
            let old = try? folder.status(of: name)
            let file = try folder.newFile(temporary)
            try file.closeAfter {
                try file.writeAll(bytes)
                let mask = umask(0o077)
                umask(mask)
                _ = fchmod(file.rawValue, old.map { $0.st_mode & 0o777 } ?? (0o666 & ~mask))
                if let old { _ = fchown(file.rawValue, old.st_uid, old.st_gid) }
                try file.sync()
            }
            try folder.rename(temporary, to: name)
            try folder.sync()
        } catch {
            throw ReportFileError("\(printable(path, limit: 300)) cannot be written (\(error))")
        }
    }
}

/// A report that cannot be written there.
package struct ReportFileError: Error, Sendable, CustomStringConvertible {
    /// Says where, why, and what to do.
    package let description: String

    init(_ description: String) { self.description = description }
}
