internal import Support

extension Request {
    /// Reads zrepl's variables; it calls its hooks for each file system on its own.
    init(zrepl variables: HookVariableReader, phase: Phase) throws(InvocationError) {
        self.init(manager: .zrepl, recursion: .no)
        let type = try variables.required(.zreplHookType)
        let meant: Phase
        switch type {
        case "pre_snapshot": meant = .pre
        case "post_snapshot": meant = .post
        default:
            throw variables.bad(
                .zreplHookType, "is '\(printable(type))'; it must be pre_snapshot or post_snapshot")
        }
        guard meant == phase else {
            // A command hook of zrepl has one path for both edges.
            throw variables.bad(
                .zreplHookType,
                "is \(type) but \(phase.program) was called; let zrepl call a hook that starts "
                    + "pre-snapshot or post-snapshot by this variable")
        }
        let dataset = try variables.dataset(try variables.required(.zreplFileSystem), from: .zreplFileSystem)
        try add([dataset], names: [try variables.required(.zreplSnapname)], from: .zreplSnapname)
        deadline = try Self.timeout(variables)
        isDryRun = try variables.flag(.zreplDryRun)
    }

    private static func timeout(_ variables: HookVariableReader) throws(InvocationError) -> Duration? {
        guard let text = try variables.text(.zreplTimeout) else { return nil }
        guard let duration = Duration(secondsText: text) else {
            throw variables.bad(.zreplTimeout, "is '\(printable(text))'; it must be a number of seconds")
        }
        return duration > .zero ? duration : nil
    }
}
