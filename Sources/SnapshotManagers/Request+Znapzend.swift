internal import ZFS

extension Request {
    /// Reads znapzend's variables. It calls once for a whole backup set, and nothing tells whether that is recursive.
    init(znapzend variables: HookVariableReader) throws(InvocationError) {
        self.init(manager: .znapzend, recursion: .yes)
        let text = try variables.required(.znapName)
        do {
            snapshots = [try SnapshotName(text)]
        } catch {
            throw variables.bad(.znapName, error.message, separator: ": ")
        }
    }
}
