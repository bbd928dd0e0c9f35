package import ZFS

/// The datasets that a snapshot takes.
package struct Scope: Sendable {
    package let targets: [DatasetName]
    package let recursiveTargets: [DatasetName]
    private var takesAll = false

    package func contains(_ dataset: DatasetName) -> Bool {
        takesAll || targets.contains(dataset) || recursiveTargets.contains { dataset.isSameOrDescendant(of: $0) }
    }

    /// The scope of a run that is open already.
    package init(_ run: Run) {
        targets = run.targets
        recursiveTargets = run.recursiveTargets
    }

    /// The same targets, all of them with their children.
    package var withChildren: Scope { Scope(targets: targets, recursiveTargets: targets) }

    /// Datasets without their children, but for those of them that are snapshotted with theirs.
    package init(targets: [DatasetName], recursiveTargets: [DatasetName] = []) {
        self.targets = targets
        self.recursiveTargets = recursiveTargets
    }

    /// Every dataset there is.
    package static var everything: Scope {
        var scope = Scope(targets: [])
        scope.takesAll = true
        return scope
    }
}
