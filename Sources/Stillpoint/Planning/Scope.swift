internal import SnapshotManagers
internal import Storage

/// The datasets that a snapshot takes.
struct Scope: Sendable {
    let targets: [DatasetName]
    let recursiveTargets: [DatasetName]

    func contains(_ dataset: DatasetName) -> Bool {
        targets.contains(dataset) || recursiveTargets.contains { dataset.isSameOrDescendant(of: $0) }
    }

    /// What the manager asked for, with `auto` answered by the configuration and by sanoid.conf.
    init(_ invocation: Invocation, _ configuration: Configuration) throws {
        targets = invocation.targets
        var sanoid: SanoidConfiguration?
        recursiveTargets = try invocation.targets.filter { target in
            switch (configuration.recursive(for: target), invocation.recursion) {
            case (.yes, _), (.auto, .yes): return true
            case (.no, _), (.auto, .no): return false
            case (.auto, .auto):
                let known = try sanoid ?? SanoidConfiguration(directory: configuration.sanoidDirectory)
                sanoid = known
                return known.isZFSRecursive(target)
            }
        }
    }

    /// The scope of a run that is open already.
    init(_ run: Run) {
        targets = run.targets
        recursiveTargets = run.recursiveTargets
    }
}
