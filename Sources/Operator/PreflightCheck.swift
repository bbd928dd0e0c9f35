internal import Configuration
internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import INIFile
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// Checks all that the next run will need.
struct PreflightCheck: Sendable {
    let configuration: Configuration
    let context: ProgramContext
    let hypervisors: Hypervisors

    /// What is in order, what to know, and the problems, each `WHAT; fix: WHAT TO DO` where there is something to do.
    /// - Throws: StorageError, StateError, ZFSError.
    func run() async throws -> (facts: [String], notes: [String], findings: [String]) {
        var facts: [String] = []
        var notes: [String] = []
        var findings: [String] = []
        var answering = 0
        var plans: [PlannedVM] = []
        let storage = try StorageMap(roots: context.roots)
        // A type's section may want more of a VM, or leave others out.
        let planners = ([[]] + configuration.types.map { [$0.name] }).map {
            Planner(scope: .everything, storage: storage, configuration: configuration, types: $0)
        }
        var machines: [VirtualMachine] = []
        let asked = try await hypervisors.enabled()
        for (hypervisor, answer) in await hypervisors.machines(before: nil, of: asked) {
            do {
                let all = try answer.get()
                facts.append("\(hypervisor.name): \(all.count) VMs")
                findings += try await hypervisor.findings().map { "\(hypervisor.name): \($0)" }
                notes += try await hypervisor.notes().map { "\(hypervisor.name): \($0)" }
                let planned = planners.flatMap { $0.plan(all, of: hypervisor) }
                findings += Self.disks(of: all, planned)
                plans += planned
                machines += all
                answering += 1
            } catch {
                findings.append("\(hypervisor.name): \(Self.finding(error))")
            }
        }
        let areAllKnown = answering == configuration.hypervisors.count
        for section in configuration.datasets {
            let dataset = section.dataset
            guard try await context.zfs.exists(dataset.rawValue) else {
                findings.append(
                    "[\(dataset)] does not exist; fix: correct or remove the section ('zfs list' shows "
                        + "the datasets that exist)")
                continue
            }
            let found = plans.filter { $0.datasets.contains { $0.isSameOrDescendant(of: dataset) } }
            if found.isEmpty, areAllKnown {
                findings.append(
                    "[\(dataset)] holds no disk of a VM; fix: remove the section, or where it is behind a datastore: "
                        + "datastore = NAME=\(dataset)"
                )
            } else if !found.isEmpty {
                facts.append("\(dataset): \(Self.names(of: found))")
            }
        }
        let rules = rules(areAllKnown ? machines : nil)
        notes += rules.notes
        findings += rules.findings
        var sanoid: SanoidConfiguration?
        do {
            sanoid = try SanoidConfiguration(directory: configuration.sanoidDirectory)
        } catch {
            // A hook under sanoid would refuse it.
            findings.append(Self.finding(error))
        }
        findings += programs(plans)
        findings += folders(plans, storage, sanoid) + (try openRuns()) + (try await leftovers())
        findings += await shortages(Set(plans.flatMap(\.datasets)), sanoid)
        findings += await RestoreLeftovers(context: context, configuration: configuration).findings()
        return (facts, notes, findings)
    }

    /// An error's text, with `fix:` before what to do about it, where the texts of its kind end in that.
    private static func finding(_ error: any Error) -> String {
        let text = "\(error)"
        switch error {
        case is WorkFolderError, is INIError, is UntrustedProgramError: break
        case let error as HypervisorError where [.unreachable, .misconfigured].contains(error.code): break
        default: return text
        }
        let parts = text.split(separator: "; ", omittingEmptySubsequences: false)
        guard let fix = parts.last, parts.count > 1 else { return text }
        return "\(parts.dropLast().joined(separator: "; ")); fix: \(fix)"
    }

    /// Each once, however many types it is planned for.
    private static func names(of plans: [PlannedVM]) -> String {
        let machines = plans.reduce(into: [VMKey: String]()) { $0[$1.key] = printable($1.machine.name) }
        return machines.values.sorted().joined(separator: ", ")
    }

    /// Disks whose place is not known, and those that keep a VM from being more than crash-consistent.
    private static func disks(of machines: [VirtualMachine], _ plans: [PlannedVM]) -> [String] {
        let unresolved = machines.flatMap { machine in
            (machine.unresolved ?? []).map { "\(printable(machine.name)): \($0)" }
        }
        let refused = plans.filter { $0.strategies.first != .crashConsistent }.flatMap { planned in
            planned.disks.compactMap(\.refusal).map {
                "\(printable(planned.machine.name)) will be crash-consistent only: \($0); fix: change that disk, or "
                    + "accept it "
                    + "with: strategy = crash-consistent"
            }
        }
        // A VM may be planned for several types.
        var seen: Set<String> = []
        return unresolved + refused.filter { seen.insert($0).inserted }
    }

    /// Those of `exec:PATH`.
    private func programs(_ plans: [PlannedVM]) -> [String] {
        Set(plans.flatMap(\.strategies).compactMap(\.program)).sorted().compactMap { path in
            do {
                try TrustedProgram(path).check()
                return nil
            } catch {
                return Self.finding(error)
            }
        }
    }

    /// The folders that are written to, against the datasets that hold VMs.
    private func folders(
        _ plans: [PlannedVM], _ storage: StorageMap, _ sanoid: SanoidConfiguration?
    ) -> [String] {
        let local = plans.filter { $0.hypervisor.overlayDirectory != nil }
        var findings: [String] = []
        func test(_ check: () throws -> Void) {
            do {
                try check()
            } catch {
                findings.append(Self.finding(error))
            }
        }
        let scope = self.scope(of: local, sanoid)
        if !local.isEmpty {
            test {
                try OverlaySpaceCheck(scope: scope, storage: storage).check(
                    configuration.overlayDirectory,
                    disks: Dictionary(local.map { ($0.key, $0.disks.count) }, uniquingKeysWith: max).values.reduce(0, +)
                )
            }
        }
        for (directory, theirs) in Dictionary(grouping: plans, by: \.hypervisor.mappedOverlayDirectory) {
            guard let directory else { continue }
            test {
                try WorkFolder(key: .overlayDirectory, path: directory)
                    .requireOther(than: self.scope(of: theirs, sanoid), storage)
            }
        }
        if local.contains(where: { $0.strategies.contains(.memory) }) {
            test { try WorkFolder(key: .ramDirectory, path: configuration.ramDirectory).check(scope, storage) }
        }
        if fileExists(configuration.stateDirectory) {
            test { try WorkFolder(key: .stateDirectory, path: configuration.stateDirectory).requireTrust() }
        }
        if let cold = configuration.coldStorage {
            test { try WorkFolder(key: .coldStorage, path: cold).check(Scope(targets: []), storage) }
        }
        return findings
    }

    /// The datasets of these VMs, and what is snapshotted together with them.
    private func scope(of plans: [PlannedVM], _ sanoid: SanoidConfiguration?) -> Scope {
        let datasets = Set(plans.flatMap(\.datasets))
        let trees = recursiveRoots(above: datasets, sanoid)
        return Scope(targets: datasets.union(trees).sorted(), recursiveTargets: trees.sorted())
    }

    /// Those of the datasets, and above them, that are snapshotted at once with what is below them.
    private func recursiveRoots(
        above datasets: Set<DatasetName>, _ sanoid: SanoidConfiguration?
    ) -> Set<DatasetName> {
        Set(datasets.flatMap { [$0] + $0.ancestors }).filter { root in
            configuration.datasets.contains { $0.dataset == root && $0.recursive == .yes }
                || sanoid?.isRecursive(root) == true
        }
    }

    /// Where the next snapshot will fail: of each dataset, and of those that are snapshotted with what is below them.
    private func shortages(_ datasets: Set<DatasetName>, _ sanoid: SanoidConfiguration?) async -> [String] {
        let room = SnapshotSpaceForecast(zfs: context.zfs)
        let roots = recursiveRoots(above: datasets, sanoid)
        var found: [String] = []
        do throws(ZFSError) {
            found = try await room.shortages(ofEach: datasets.sorted())
            for root in roots.sorted() {
                found += try await room.shortages(of: [root], recursive: true).filter { !found.contains($0) }
            }
        } catch {
            found.append("it is not known whether there is room for the next snapshot: \(error)")
        }
        return found
    }

    private func leftovers() async throws -> [String] {
        // One that does not answer has been named.
        let found = try await Adoption(context: context, configuration: configuration).find(hypervisors) { _, _ in }
        return found.map { found in
            found.leftover.obstacle.map { "\(found.summary); \($0)" }
                ?? "\(found.summary); fix: stillpoint recover --adopt"
        }
    }

    private func openRuns() throws -> [String] {
        let directory = StateDirectory(configuration.stateDirectory)
        let recovery = Recovery(context: context, configuration: configuration, configurationPath: nil)
        return try directory.openRunIDs().compactMap { id in
            let run = try directory.read(id)
            let held = run.machines.filter { $0.freezeState != nil }.map { printable($0.name) }.joined(separator: ", ")
            let name = "the run \(id)" + (held.isEmpty ? "" : " (\(held))")
            switch try recovery.status(of: run) {
            case .abandoned: return "\(name) was left open; fix: stillpoint recover"
            case .ending: return "\(name) is open still, and its watchdog has not ended it; fix: stillpoint recover"
            case .owned, .watched, .awaited: return nil
            }
        }
    }
}
