internal import Glibc

/// The folders in which programs are searched for.
package enum ProgramFolders {
    /// The system's own.
    package static let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// A PATH of those folders of `text` in which nobody but root and this process's user can put a program, and of the
    /// system's own.
    package static func path(_ text: String) -> String {
        let listed = safe(in: text)
        return (listed + system.filter { !listed.contains($0) }).joined(separator: ":")
    }

    /// The folders of a PATH that may be searched, in its order.
    package static func safe(in path: String) -> [String] {
        // An empty entry is the folder that the process happens to be in.
        path.split(separator: ":").map(String.init).filter { system.contains($0) || isSafe($0) }
    }

    /// Whether nobody but root and this process's user can put something into the folder or another one in its place.
    package static func isSafe(_ folder: String) -> Bool {
        guard folder.hasPrefix("/"), var path = try? FileAccess.realPath(folder), FileAccess.isFolder(path) else {
            return false
        }
        guard isOurs(path, mayBeSticky: false) else { return false }
        while path != "/" {
            path = FileAccess.parent(path)
            guard isOurs(path, mayBeSticky: true) else { return false }
        }
        return true
    }

    /// Whether it is a program that nobody but root and this process's user can change; its folder is safe.
    package static func isSafeProgram(_ path: String) -> Bool {
        guard let file = try? FileAccess.realPath(path) else { return false }
        return isOurs(file, mayBeSticky: false) && (file == path || isSafe(FileAccess.parent(file)))
    }

    /// - Parameter mayBeSticky: others may make files in it but take none away (`/tmp`): what is in it is its owner's.
    private static func isOurs(_ path: String, mayBeSticky: Bool) -> Bool {
        guard let status = FileAccess.linkStatus(path), status.st_uid == 0 || status.st_uid == geteuid() else {
            return false
        }
        let isShared = status.st_mode & (S_IWGRP | S_IWOTH) != 0
        return !isShared || (mayBeSticky && status.st_mode & S_ISVTX != 0)
    }
}
