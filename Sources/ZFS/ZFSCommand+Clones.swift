internal import Support

/// A dataset that was cloned from a snapshot.
public struct Clone: Sendable, Equatable {
    /// Its name.
    public let name: DatasetName
    /// The snapshot that it was cloned from; nil where that was promoted away.
    public let origin: SnapshotName?
    /// The user property that was asked for, where it was set on the dataset itself and not inherited.
    public let mark: String?
}

extension ZFSCommand {
    /// A dataset as a clone; nil where there is none of that name.
    /// - Parameter property: the user property that tells whose it is.
    public func clone(_ dataset: DatasetName, markedBy property: String) async throws(ZFSError) -> Clone? {
        let outcome = try await run(["get", "-H", "-p", "-o", "value", "origin", dataset.rawValue])
        guard outcome.exitStatus == 0 else {
            if outcome.errorLines.contains(where: { $0.has("does not exist") }) { return nil }
            throw failure(outcome, "zfs could not tell what \(dataset) was cloned from")
        }
        // Apart from zfs's own: its value may be anybody's, line feeds and all.
        return Clone(
            name: dataset, origin: try? SnapshotName(String(outcome.output.prefix { $0 != "\n" })),
            mark: try await userProperty(property, of: dataset.rawValue))
    }

    /// All clones of every imported pool on which a user property is set.
    public func clones(markedBy property: String) async throws(ZFSError) -> [Clone] {
        let outcome = try await run(["list", "-H", "-o", "name,\(property)", "-t", "filesystem,volume"])
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not list the datasets") }
        var found: [Clone] = []
        for line in outcome.output.split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 2, fields[1] != "-", let name = try? DatasetName(fields[0]) else { continue }
            // What lies below a clone, or is cloned from one, inherits the property.
            if let clone = try await clone(name, markedBy: property), clone.mark != nil { found.append(clone) }
        }
        return found
    }

    /// The filesystems and volumes below a dataset.
    public func children(of dataset: DatasetName) async throws(ZFSError) -> [String] {
        let outcome = try await run(
            ["list", "-H", "-o", "name", "-t", "filesystem,volume", "-r", dataset.rawValue])
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not list what is below \(dataset)") }
        return outcome.output.split(separator: "\n").map(String.init).filter { $0 != dataset.rawValue }
    }

    /// Takes a user property from a dataset.
    public func clear(_ property: String, of dataset: DatasetName) async throws(ZFSError) {
        let outcome = try await run(["inherit", property, dataset.rawValue])
        guard outcome.exitStatus == 0 else { throw failure(outcome, "zfs could not take \(property) from \(dataset)") }
    }
}

extension ZFSCommand {
    /// Destroys a clone, which may be busy for a moment, but never a dataset that somebody made below it.
    public func destroyRetrying(_ clone: DatasetName) async throws {
        let children = try await children(of: clone)
        guard children.isEmpty else {
            throw OccupiedCloneError(children: children)
        }
        // A file that was closed just now can keep a dataset busy for a moment.
        try await Backoff(attempts: 6, every: .milliseconds(300)).retrying { try await destroyClone(clone) }
    }
}

/// A clone below which somebody has made datasets.
public struct OccupiedCloneError: Error, CustomStringConvertible {
    /// Their names.
    public let children: [String]
    /// One line.
    public var description: String { "\(children.joined(separator: ", ")) is below it" }
}
