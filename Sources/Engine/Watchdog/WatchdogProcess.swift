package import RunState
internal import Support

/// A watchdog that runs, as others see it.
package struct WatchdogProcess: Sendable {
    package let id: Int32
    /// For how long it has been there; nil where that cannot be seen.
    package let age: Duration?

    /// Those of this process's namespace, by their runs. What calls itself one may be none: whether a run has one its locks
    /// tell (``RunStatus``).
    package static func all(proc: String) -> [RunID: WatchdogProcess] {
        var found: [RunID: WatchdogProcess] = [:]
        for id in FileAccess.names(in: proc).compactMap({ Int32($0) }) {
            guard let text = try? FileAccess.read("\(proc)/\(id)/cmdline", limit: 4096) else { continue }
            let words = text.split(separator: 0, maxSplits: 2).map { String(decoding: $0, as: UTF8.self) }
            guard words.count == 3, words[0] == WatchdogCall.name, let run = RunID(words[1]) else { continue }
            found[run] = WatchdogProcess(id: id, age: ProcessStatus(of: id, proc: proc)?.age)
        }
        return found
    }
}

extension RunOwner {
    /// What the owner is called: `pre-snapshot`, `stillpoint restore`; nil where that cannot be seen.
    package var program: String? {
        guard let process, let text = try? FileAccess.read("\(proc)/\(process)/cmdline", limit: 4096) else {
            return nil
        }
        let words = text.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard let first = words.first.map({ FileAccess.lastComponent($0) }) else { return nil }
        guard first == "stillpoint", words.count > 1, words[1].utf8.first != UInt8(ascii: "-") else { return first }
        return "\(first) \(words[1])"
    }
}
