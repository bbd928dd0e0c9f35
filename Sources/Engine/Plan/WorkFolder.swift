package import Configuration
package import DiskLocation
internal import Glibc
package import RunState
internal import Support
internal import SystemPackage

/// Why a folder that a run writes to cannot be used; nothing has been touched.
package struct WorkFolderError: Error, CustomStringConvertible {
    package enum Code { case missing, notTrusted, notWritable, onSnapshottedDataset, tooLittleRoom }

    package let code: Code
    package let description: String
}

/// A folder that a run writes to, named by a key of the configuration.
package struct WorkFolder {
    package let key: FolderKey
    package let path: String

    package init(key: FolderKey, path: String) {
        self.key = key
        self.path = path
    }

    private var name: String { "\(key.rawValue) \(path)" }

    /// Checks, before anything is touched, that the folder is there, that nobody but root can change what is in it, and that it
    /// is not part of what is being snapshotted.
    /// - Throws: WorkFolderError or StorageError.
    package func check(_ scope: Scope, _ storage: StorageMap) throws {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw WorkFolderError(
                code: .missing,
                description: "\(name) is not there; create it with: install -d -m 0711 "
                    + shellQuoted(path))
        }
        try requireTrust()
        guard access(path, W_OK | X_OK) == 0 else {
            throw WorkFolderError(
                code: .notWritable,
                description: "\(name) is not writable (\(Errno(rawValue: errno))); set "
                    + "\(key.rawValue) to a folder "
                    + "that is")
        }
        try requireOther(than: scope, storage)
    }

    /// Checks that the folder is no part of what is being snapshotted; all that is known of one of another host.
    /// - Throws: WorkFolderError or StorageError.
    package func requireOther(than scope: Scope, _ storage: StorageMap) throws {
        if let dataset = try storage.locate(path).datasets.first(where: { scope.contains($0) }) {
            throw WorkFolderError(
                code: .onSnapshottedDataset,
                description: "\(name) lies on \(dataset), which is snapshotted; set \(key.rawValue) to a folder "
                    + "on another dataset")
        }
    }

    /// Checks that nobody but root, or this process's own user, can change what is in it: what is written and run by path
    /// there is then what was put there.
    /// - Throws: WorkFolderError.
    package func requireTrust() throws(WorkFolderError) {
        do {
            try TrustedPath.requireFolder(path)
        } catch let problem as UntrustedPathError {
            throw WorkFolderError(code: .notTrusted, description: "\(name) is not used: \(problem)")
        } catch {
            let isDenied = geteuid() != 0 && (error as? Errno) == .permissionDenied
            throw WorkFolderError(
                code: .missing,
                description:
                    "\(name) cannot be opened (\(error)); \(isDenied ? "run this as root" : "correct \(key.rawValue)")")
        }
    }
}
