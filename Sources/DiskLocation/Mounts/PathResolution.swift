internal import Support
import SystemPackage

/// Follows symbolic links, also on a path whose last part is yet to be made.
enum PathResolution {
    /// The path without symbolic links.
    ///
    /// - Throws: ``StorageError``: `badPath`, `notFound` where even the folder is missing, `unreadable`.
    static func resolve(_ path: String) throws(StorageError) -> String {
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw StorageError(.badPath, "'\(printable(path))' is no absolute path; write it from / on")
        }
        return try resolve(path, asked: path, linksLeft: 40)
    }

    private static func resolve(_ path: String, asked: String, linksLeft: Int) throws(StorageError) -> String {
        do {
            return try FileAccess.realPath(path)
        } catch {
            guard error == .noSuchFileOrDirectory else { throw failure(error, asked) }
        }
        let trimmed = String(path.reversed().drop { $0 == "/" }.reversed())
        let folder = FileAccess.parent(trimmed)
        let name = FileAccess.lastComponent(trimmed)
        guard linksLeft > 0, name != "..", name != "." else { throw failure(.noSuchFileOrDirectory, asked) }
        // A link to a file that is not made yet: what is written through it lands at the link's target.
        if let target = FileAccess.linkText(trimmed) {
            let next = target.hasPrefix("/") ? target : folder + "/" + target
            return try resolve(next, asked: asked, linksLeft: linksLeft - 1)
        }
        do {
            let resolved = try FileAccess.realPath(folder)
            return resolved == "/" ? "/" + name : resolved + "/" + name
        } catch {
            throw failure(error, asked)
        }
    }

    private static func failure(_ cause: Errno, _ path: String) -> StorageError {
        switch cause {
        case .noSuchFileOrDirectory, .notDirectory:
            StorageError(
                .notFound, "there is neither '\(printable(path))' nor its folder; check the path", cause: cause)
        default:
            StorageError(.unreadable, "'\(printable(path))' cannot be followed; check its folders' modes", cause: cause)
        }
    }
}
