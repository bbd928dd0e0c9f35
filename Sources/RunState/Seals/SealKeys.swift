internal import Glibc
internal import SHA256
internal import Support
internal import Synchronization
internal import SystemPackage

/// This host's key, `state_dir/key`, and those of other hosts that were imported: `state_dir/trusted/ID`.
///
/// Two keys are made of this host's: one that it alone knows, and one that may be handed to hosts which receive its
/// replicas. Who has the second can forge nothing for this host, as what it seals is not believed here.
package final class SealKeys: Sendable {
    package struct Own: Sendable {
        let home: SealingKey
        let away: SealingKey
        package var all: [SealingKey] { [home, away] }
    }

    private let folder: String
    private let known = Mutex<Own?>(nil)

    package init(_ directory: StateDirectory) { folder = directory.path }

    private var path: String { folder + "/key" }
    private var trustedFolder: String { folder + "/trusted" }

    /// This host's keys, made where there are none yet. Read once: a run with many VMs asks for each.
    /// - Throws: SealError.
    package func own() throws -> Own {
        try known.withLock { known in
            if let known { return known }
            let own = try Self.keys(of: try read() ?? make())
            known = own
            return own
        }
    }

    /// The same, nil where there are none yet.
    func ownIfAny() throws -> Own? {
        guard fileExists(path) else { return nil }
        return try own()
    }

    private static func keys(of secret: SealingKey) throws -> Own {
        Own(home: try secret.derived(for: "stillpoint home"), away: try secret.derived(for: "stillpoint away"))
    }

    private func read() throws -> SealingKey? {
        do {
            let file = try Folder(folder).file("key")
            return try file.closeAfter {
                let status = try file.status()
                guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
                    throw SealError(
                        description:
                            "\(path) can be read or written by others; nothing that it sealed can be trusted: remove "
                            + "it, "
                            + "and restore what was sealed by it with --untrusted")
                }
                var bytes = [UInt8](repeating: 0, count: SealingKey.length + 1)
                let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
                do {
                    return try SealingKey(Array(bytes[..<count]))
                } catch {
                    throw SealError(description: "\(path) is no key: restore it from a backup, or remove it")
                }
            }
        } catch let error as Errno {
            if error == .noSuchFileOrDirectory { return nil }
            throw SealError(description: "cannot read \(path): \(error)", cause: error)
        }
    }

    /// Of hooks that begin at the same time the first one's stays: a second name is only made where none is.
    private func make() throws -> SealingKey {
        var secret = [UInt8](repeating: 0, count: SealingKey.length)
        guard getentropy(&secret, secret.count) == 0 else {
            throw SealError(description: "the kernel gives no random bytes: \(Errno(rawValue: errno))")
        }
        let temporary = "key.\(RunID.make())"
        do {
            let folder = try Folder(folder)
            let file = try folder.newFile(temporary)
            defer { folder.unlink(temporary) }
            try file.closeAfter {
                try file.writeAll(secret)
                try file.sync()
            }
            guard link("\(self.folder)/\(temporary)", path) == 0 || errno == EEXIST else {
                throw Errno(rawValue: errno)
            }
            try folder.sync()
        } catch {
            throw SealError(description: "cannot make \(path): \(error)", cause: error)
        }
        guard let key = try read() else { throw SealError(description: "\(path) is gone again") }
        return key
    }
}

// MARK: other hosts' keys

extension SealKeys {
    /// What one host hands to another: the key that its replicas are sealed with.
    package struct Exported: Sendable, Codable, Equatable {
        package static let format = 1

        var format = Exported.format
        /// Whose it is, for people.
        package let host: String
        /// In hexadecimal digits.
        let key: String

        /// - Throws: SealError.
        func sealingKey() throws -> SealingKey {
            do {
                return try SealingKey(decodeHexadecimal(key) ?? [])
            } catch {
                throw SealError(
                    description:
                        "the key of \(printable(host)) is damaged; export it anew there: stillpoint trust --show",
                    cause: error)
            }
        }
    }

    /// This host's half for others.
    package func exported(host: String) throws -> Exported {
        Exported(host: host, key: hexadecimal(try own().away.bytes))
    }

    /// All that were imported and can be read, and what is wrong with the others.
    package func trusted() -> (keys: [(key: SealingKey, host: String)], problems: [any Error]) {
        var (keys, problems): ([(SealingKey, String)], [any Error]) = ([], [])
        for name in FileAccess.names(in: trustedFolder) where !name.hasSuffix(".tmp") {
            do {
                let exported = try StateFile.read(
                    Exported.self, at: "\(trustedFolder)/\(name)", newest: Exported.format,
                    fix: (damaged: "import it again: stillpoint trust", newer: "use the version that wrote it"))
                keys.append((try exported.sealingKey(), exported.host))
            } catch {
                problems.append(error)
            }
        }
        return (keys, problems)
    }

    /// From now on what that host has sealed is believed.
    /// - Returns: the key's id.
    /// - Throws: SealError, StateError.
    package func trust(_ exported: Exported) throws -> String {
        let key = try exported.sealingKey()
        guard try ownIfAny().map({ $0.away != key && $0.home != key }) ?? true else {
            throw SealError(description: "that is this host's own key; import it where its replicas are received")
        }
        mkdir(trustedFolder, 0o700)
        try StateFile.write(exported, to: "\(trustedFolder)/\(key.id)")
        return key.id
    }

    /// It is not believed any more; false where it was not known.
    package func forget(_ id: String) throws -> Bool {
        guard id.utf8.count == 16, decodeHexadecimal(id) != nil, fileExists("\(trustedFolder)/\(id)") else {
            return false
        }
        try removeFile(at: "\(trustedFolder)/\(id)")
        return true
    }
}
