/// Where in a snapshot's life a hook is called.
public enum Phase: String, Sendable, CaseIterable, CustomStringConvertible {
    /// Just before a snapshot is taken.
    case pre
    /// Just after it was taken.
    case post
    /// When it was destroyed, or is about to be.
    case prune

    /// The phase's name.
    public var description: String { rawValue }

    /// The hook program that is called in this phase.
    public var program: String { "\(rawValue)-snapshot" }

    /// The key of sanoid.conf that names the program.
    var sanoidKey: String { self == .prune ? "pruning_script" : "\(rawValue)_snapshot_script" }
}
