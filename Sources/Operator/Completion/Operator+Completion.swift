internal import Configuration
internal import Engine
internal import Hypervisor
internal import RunState
internal import Support
internal import ZFS

/// What a shell offers when a word is completed: names of zfs and of this host's own files. A hypervisor is never asked, nothing
/// is said where there are none, and who may not read something is offered less.
extension Operator {
    /// Datasets whose names begin so.
    package func datasets(beginning word: String) async -> [String] {
        Self.safe(((try? await context.zfs.datasetNames()) ?? []).filter { $0.hasPrefix(word) })
    }

    /// `tank/VM@` of each dataset, until only one is left: then its snapshots, if it has any.
    package func snapshots(beginning word: String) async -> [String] {
        if let at = word.firstIndex(of: "@") { return await snapshots(of: String(word[..<at]), beginning: word) }
        let names = await datasets(beginning: word)
        let found = names.count == 1 ? await snapshots(of: names[0], beginning: word) : []
        return found.isEmpty ? names.map { $0 + "@" } : found
    }

    private func snapshots(of dataset: String, beginning word: String) async -> [String] {
        guard let name = try? DatasetName(dataset) else { return [] }
        let found = (try? await context.zfs.snapshotNames(of: name)) ?? []
        return Self.safe(found.filter { $0.hasPrefix(word) })
    }

    /// The VMs in a snapshot, as it says itself; those of the last runs here, where none is named.
    package func machines(in snapshot: String?, beginning word: String) async -> [String] {
        var names: [String] = []
        if let name = snapshot.flatMap({ try? SnapshotName($0) }) {
            let key = SnapshotProperties.machinesKey
            let listed = try? await context.zfs.snapshots(named: [name], properties: [key]).first
            names = SnapshotProperties.read(machines: listed?.properties[key] ?? "").map(\.name)
        } else if let directory {
            let history = RunHistory(directory)
            names = history.days.suffix(2).flatMap { history.entries(on: $0) }.map(\.name)
        }
        return Self.safe(Set(names).sorted().filter { $0.hasPrefix(word) })
    }

    /// The codes of findings and of reasons; none where nothing was typed yet: they are so many
    /// that VMs would not be seen.
    package func codes(beginning word: String) -> [String] {
        guard !word.isEmpty else { return [] }
        return (FindingCode.allCases.map(\.rawValue) + ReasonCode.all.map(\.rawValue)).filter { $0.hasPrefix(word) }
    }

    /// The open runs.
    package func openRuns(beginning word: String) -> [String] {
        let ids = directory.flatMap { try? $0.openRunIDs() } ?? []
        return Self.safe(ids.map(\.text).filter { $0.hasPrefix(word) })
    }

    private var directory: StateDirectory? {
        (try? context.configuration(configurationPath)).map { StateDirectory($0.stateDirectory) }
    }

    /// A shell's completion script expands what it is given: who may name a VM `$(reboot)` is not to be obeyed. Names with other
    /// characters are typed by hand.
    private static func safe(_ names: [String]) -> [String] {
        names.filter { name in
            !name.isEmpty && !name.hasPrefix("-")
                && name.utf8.allSatisfy { $0.isLetterOrDigit || "_.:/@+-".utf8.contains($0) }
        }
    }
}
