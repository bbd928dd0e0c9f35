internal import Glibc
internal import SystemPackage

extension Folder {
    /// Puts a file that every user may read into the place of one that is there: whoever reads it sees the old or the new
    /// content, whole. A symbolic link in its place is replaced itself.
    ///
    /// Not made durable: it is for what is written anew all the time. The temporary file is `NAME.tmp`.
    /// - Throws: Errno.
    package func publish(_ content: [UInt8], as name: String) throws {
        let temporary = name + ".tmp"
        // A link that lies there, too: it would only be in the way.
        self.unlink(temporary)
        do {
            let file = try newFile(temporary)
            try file.closeAfter {
                _ = try file.writeAll(content)
                // Whatever the umask is.
                guard fchmod(file.rawValue, 0o644) == 0 else { throw Errno(rawValue: errno) }
            }
            try self.rename(temporary, to: name)
        } catch {
            self.unlink(temporary)
            throw error
        }
    }
}
