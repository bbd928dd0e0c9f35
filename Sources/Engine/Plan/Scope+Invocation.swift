package import Configuration
internal import RunState
package import SnapshotManagers
internal import ZFS

extension Scope {
    /// What the manager asked for, with `auto` answered by the configuration and by sanoid.conf.
    /// - Parameter sanoid: reads sanoid.conf; called only when it decides.
    package init(_ invocation: Invocation, _ configuration: Configuration, sanoid: () throws -> SanoidConfiguration)
        throws
    {
        // What takes the snapshot itself knows, and no configuration is asked.
        if invocation.manager == .stillpoint {
            self.init(
                targets: invocation.targets, recursiveTargets: invocation.recursion == .yes ? invocation.targets : [])
            return
        }
        let recursive = try invocation.targets.filter { target in
            switch (configuration.recursive(for: target), invocation.recursion) {
            case (.yes, _), (.auto, .yes): return true
            case (.no, _), (.auto, .no): return false
            case (.auto, .auto): return try sanoid().isZFSRecursive(target)
            }
        }
        self.init(targets: invocation.targets, recursiveTargets: recursive)
    }
}
