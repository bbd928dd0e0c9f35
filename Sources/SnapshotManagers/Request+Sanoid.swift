internal import Support
internal import ZFS

extension Request {
    /// Reads sanoid's variables, of 2.0.3 (target and name only) and of 2.1 and later.
    init(sanoid variables: HookVariableReader, phase: Phase) throws(InvocationError) {
        self.init(manager: .sanoid, recursion: .auto)
        try Self.checkScript(variables, phase)

        var names = try variables.list(.sanoidTargets) ?? []
        if let target = try variables.text(.sanoidTarget) { names.append(target) }
        let source: HookVariable = variables.isSet(.sanoidTargets) ? .sanoidTargets : .sanoidTarget
        var datasets: [DatasetName] = []
        for name in names { datasets.append(try variables.dataset(name, from: source)) }

        var bareNames = try variables.list(.sanoidSnapnames) ?? []
        let listed: HookVariable = bareNames.isEmpty ? .sanoidSnapname : .sanoidSnapnames
        if bareNames.isEmpty || variables.isSet(.sanoidSnapname) {
            let first = try Self.bareName(variables, datasets)
            if phase == .post && bareNames.contains(where: { dstName($0) == first }) {
                // Which of the others were renamed as well nobody tells: both spellings of each are candidates.
                bareNames = bareNames.flatMap { [$0] + [dstName($0)].compactMap { $0 } }
            } else if !bareNames.contains(first) {
                bareNames.append(first)
            }
        }
        try add(datasets.withoutDuplicates, names: bareNames, from: listed)
        if phase == .pre { types = try Self.types(variables) }
        // What pre-snapshot did is in the state file; this is only refused where it says nothing.
        _ = try variables.flag(.sanoidPreFailure)
    }

    private static func types(_ variables: HookVariableReader) throws(InvocationError) -> [String]? {
        guard let listed = try variables.list(.sanoidTypes) else { return nil }
        if let odd = listed.first(where: { !SnapshotType.isValid($0) }) {
            throw variables.bad(
                .sanoidTypes, "has '\(printable(odd))', which is no type of snapshot; correct it or unset it")
        }
        return listed.withoutDuplicates
    }

    /// SANOID_SNAPNAME without the dataset that stands before it in post: sanoid's loop over the snapshots adds it to
    /// the very list that the variable is then set from.
    private static func bareName(
        _ variables: HookVariableReader, _ datasets: [DatasetName]
    ) throws(InvocationError) -> String {
        let text = try variables.required(.sanoidSnapname)
        guard let at = text.firstIndex(of: "@") else { return text }
        let dataset = try variables.dataset(String(text[..<at]), from: .sanoidSnapname)
        guard datasets.contains(dataset) else {
            throw variables.bad(
                .sanoidSnapname,
                "is of \(printable(dataset.rawValue)), which SANOID_TARGET does not name; set both alike")
        }
        return String(text[text.index(after: at)...])
    }

    /// A script that is entered under the wrong key would freeze after the snapshot and release before it.
    private static func checkScript(_ variables: HookVariableReader, _ phase: Phase) throws(InvocationError) {
        guard let script = try variables.text(.sanoidScript) else { return }
        guard let meant = Phase(rawValue: script) else {
            throw variables.bad(.sanoidScript, "is '\(printable(script))'; it must be pre, post or prune")
        }
        guard meant == phase else {
            throw variables.bad(
                .sanoidScript,
                "is \(meant) but \(phase.program) was called; "
                    + "write \(meant.sanoidKey) = \(meant.program) in sanoid.conf")
        }
    }
}

/// The name that sanoid falls back to when the hour that repeats at the end of daylight saving time makes it meet a
/// snapshot of the same name: `s/_([a-z]+)$/dst_$1/`. Nil for a name that this leaves as it is.
func dstName(_ name: String) -> String? {
    guard let mark = name.lastIndex(of: "_") else { return nil }
    let kind = name[name.index(after: mark)...]
    guard !kind.isEmpty, kind.utf8.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }) else {
        return nil
    }
    return "\(name[..<mark])dst_\(kind)"
}
