internal import ZFS

extension Invocation {
    /// Reads what a hook was called for; arguments beat the environment.
    ///
    /// - Parameters:
    ///   - phase: the hook that was called, which the program knows.
    ///   - arguments: the command line without the program's own name.
    ///   - environment: the whole environment.
    /// - Throws: ``InvocationError``.
    public static func read(
        phase: Phase, arguments: [String], environment: [String: String]
    ) throws(InvocationError) -> Invocation {
        let options = try HookOptions(arguments, phase: phase)
        let variables = HookVariableReader(environment)
        var found = try Request(arguments: options.operands)
        if found == nil {
            let callers = variables.callers
            guard callers.count < 2 else {
                let names = callers.map(\.rawValue).joined(separator: " and ")
                throw InvocationError(
                    .badValue, "variables of \(names) are set at once; unset those of all but the one that calls")
            }
            switch callers.first {
            case .sanoid: found = try Request(sanoid: variables, phase: phase)
            case .zrepl: found = try Request(zrepl: variables, phase: phase)
            case .znapzend: found = try Request(znapzend: variables)
            default: break
            }
        }
        guard let request = found else {
            throw InvocationError(
                .usage,
                "no snapshot is named; write \(phase.program) [-r] DATASET@NAME…, or let sanoid, zfs-auto-snapshot, "
                    + "zrepl or znapzend call it (\(phase.program) --help says how)")
        }
        return Invocation(
            manager: request.manager, phase: phase, targets: request.targets, snapshots: request.snapshots,
            recursion: options.isRecursive ? .yes : request.recursion,
            deadline: options.deadline ?? request.deadline,
            isDryRun: options.isDryRun || request.isDryRun, configurationPath: options.configurationPath,
            types: options.types ?? request.types
                ?? SnapshotType.types(of: request.snapshots, areOfAutoSnapshot: request.manager == .zfsAutoSnapshot))
    }
}
