import ArgumentParser
import Glibc
import Operator
import SnapshotManagers
import Synchronization

/// What is offered for an argument when a shell completes it; `stillpoint ---completion` is how its script asks.
extension CompletionKind {
    static var dataset: CompletionKind { offering { await $0.datasets(beginning: $2) } }

    static var snapshot: CompletionKind { offering { await $0.snapshots(beginning: $2) } }

    /// Of one that does not exist yet: what stands before its name.
    static var newSnapshot: CompletionKind {
        offering { await $0.datasets(beginning: $2).map { $0 + "@" } }
    }

    /// The VMs of the snapshot that the line names, or of the last runs.
    static var machine: CompletionKind {
        offering { stillpoint, words, word in
            await stillpoint.machines(in: words.first { $0.contains("@") && $0 != word }, beginning: word)
        }
    }

    /// The VMs of the last runs, and codes when one was begun.
    static var machineOrCode: CompletionKind {
        offering { stillpoint, _, word in
            await stillpoint.machines(in: nil, beginning: word) + stillpoint.codes(beginning: word)
        }
    }

    static var snapshotType: CompletionKind { .list(SnapshotType.known) }

    static var openRun: CompletionKind { offering { stillpoint, _, word in stillpoint.openRuns(beginning: word) } }

    private static func offering(
        _ names: @escaping @Sendable (_ stillpoint: Operator, _ words: [String], _ word: String) async -> [String]
    ) -> CompletionKind {
        .custom { words, index, prefix in
            let option = words.firstIndex(of: "--config").map { words.index(after: $0) }
            let file = option.flatMap { words.indices.contains($0) && $0 != index ? words[$0] : nil }
            let found = answer { await names(Operator(.ofStillpoint, configuration: file), words, prefix) }
            // To zsh a description begins there.
            guard CompletionShell.requesting == .zsh else { return found }
            return found.map { $0.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "\\:") }
        }
    }

    /// Empty when it takes longer than a user waits: a pool may hang.
    private static func answer(_ names: @escaping @Sendable () async -> [String]) -> [String] {
        let found = Answer()
        Task.detached { found.give(await names()) }
        return found.wait(seconds: 2)
    }
}

/// Names that another thread finds.
private final class Answer: Sendable {
    private let names = Mutex<[String]?>(nil)

    func give(_ found: [String]) { names.withLock { $0 = found } }

    /// The parser asks without `await`, so its thread sleeps; nothing else is at work in the process.
    func wait(seconds: Int) -> [String] {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if let found = names.withLock({ $0 }) { return found }
            usleep(2000)
        }
        return []
    }
}

/// Puts back what a completion script says of its shell, which no program else of ours needs.
func keepingShell(_ adopt: () -> Void) {
    let isCompletion = CommandLine.arguments.dropFirst().first == "---completion"
    let names = ["SAP_SHELL", "SAP_SHELL_VERSION"]
    let kept = isCompletion ? names.compactMap { name in getenv(name).map { (name, String(cString: $0)) } } : []
    adopt()
    for (name, value) in kept { setenv(name, value, 1) }
}
