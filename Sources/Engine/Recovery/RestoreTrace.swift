internal import Glibc
internal import Hypervisor
package import RunState
internal import Support
internal import SystemPackage

/// What a restore that is killed leaves, so that `stillpoint recover` finds it: `state_dir/restores/ID`, a line of text
/// that is written before anything is made and locked as long as the process lives, and `ID.files`.
///
/// The clones that the restore makes carry the id as the user property `stillpoint:restore`.
package struct RestoreTrace: Sendable {
    /// The user property.
    package static let property = "stillpoint:restore"

    package let id: RunID
    private let folder: String
    private let lock: FileLock

    /// The copies of kept files that the VM is given, for root's eyes only.
    package var files: String { "\(path).files" }
    /// Clones that are only read are mounted in it, where nobody else gets.
    package var mounts: String { "\(path).mounts" }
    private var path: String { "\(folder)/\(id)" }

    /// - Parameter what: is restored, for whoever finds the trace.
    /// - Throws: StateError.
    package init(_ what: String, in directory: StateDirectory) throws {
        try directory.prepare()
        folder = Self.folder(of: directory)
        id = .make()
        mkdir(folder, 0o700)
        let path = "\(folder)/\(id)"
        do {
            try replaceFile(at: path, with: Array("\(printable(what, limit: 1000))\n".utf8))
            guard let lock = try FileLock(path: path) else { throw Errno.wouldBlock }
            self.lock = lock
        } catch {
            throw StateError(code: .notWritten, description: "cannot write \(path): \(error)", cause: error)
        }
    }

    private init(_ id: RunID, in folder: String, _ lock: FileLock) {
        self.id = id
        self.folder = folder
        self.lock = lock
    }

    /// Those whose process is gone, taken over, and the ids of those whose process lives.
    static func all(in directory: StateDirectory) -> (abandoned: [RestoreTrace], living: Set<RunID>) {
        let folder = folder(of: directory)
        var (abandoned, living): ([RestoreTrace], Set<RunID>) = ([], [])
        for id in FileAccess.names(in: folder).compactMap({ RunID($0) }) {
            if let lock = (try? FileLock(path: "\(folder)/\(id)")) ?? nil {
                abandoned.append(RestoreTrace(id, in: folder, lock))
            } else {
                living.insert(id)
            }
        }
        return (abandoned, living)
    }

    private static func folder(of directory: StateDirectory) -> String { directory.path + "/restores" }

    /// What was restored, in words.
    var what: String { (try? smallText(at: path)).map { $0.filter { !$0.isNewline } } ?? "" }

    /// Nothing of it is left.
    package func end() {
        lock.withLock {
            removeTree(at: files)
            // Only what is empty: a clone may be mounted there still.
            for name in FileAccess.names(in: mounts) { rmdir("\(mounts)/\(name)") }
            rmdir(mounts)
            unlink(path)
        }
    }
}
