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

    /// - Throws: StorageError, StateError, ZFSError.
    func run() async throws -> CheckReport {
        var report = CheckReport()
        var answering = 0
        var plans: [PlannedVM] = []
        let storage = try StorageMap(roots: context.roots)
        // A type's section may want more of a VM, or leave others out.
        let planners = ([[]] + configuration.types.map { [$0.name] }).map {
            Planner(scope: .everything, storage: storage, configuration: configuration, types: $0)
        }
        var machines: [VirtualMachine] = []
        let asked = try await hypervisors.enabled()
        for (hypervisor, answer) in await whileWaiting(
            for: "the hypervisors", { await hypervisors.machines(before: nil, of: asked) })
        {
            do {
                let all = try answer.get()
                report.facts.append("\(hypervisor.name): \(all.count) VMs")
                report.add(try await hypervisor.findings().map { $0.of(hypervisor.name) })
                let planned = planners.flatMap { $0.plan(all, of: hypervisor) }
                report.add(Self.disks(of: all, planned))
                plans += planned
                machines += all
                answering += 1
            } catch {
                report.add([Self.finding(.hypervisorUnreachable, error).of(hypervisor.name)])
            }
        }
        let areAllKnown = answering == configuration.hypervisors.count
        try await addSections(plans, areAllKnown: areAllKnown, to: &report)
        report.add(rules(areAllKnown ? machines : nil))
        var sanoid: SanoidConfiguration?
        do {
            sanoid = try SanoidConfiguration(directory: configuration.sanoidDirectory)
        } catch {
            // A hook under sanoid would refuse it.
            report.add([Self.finding(.managerConfigurationUnreadable, error)])
        }
        report.add(await guests(plans))
        report.add(programs(plans))
        report.add(folders(plans, storage, sanoid))
        report.add(try openRuns())
        report.add(try await leftovers())
        report.add(await shortages(Set(plans.flatMap(\.datasets)), sanoid))
        report.add(await RestoreLeftovers(context: context, configuration: configuration).findings())
        return report
    }

    /// The datasets that the configuration names.
    private func addSections(_ plans: [PlannedVM], areAllKnown: Bool, to report: inout CheckReport) async throws {
        for section in configuration.datasets {
            let dataset = section.dataset
            guard try await context.zfs.exists(dataset.rawValue) else {
                report.add([
                    Finding(
                        .datasetMissing, "[\(dataset)] does not exist",
                        fix: "correct or remove the section ('zfs list' shows the datasets that exist)")
                ])
                continue
            }
            let found = plans.filter { $0.datasets.contains { $0.isSameOrDescendant(of: dataset) } }
            if found.isEmpty, areAllKnown {
                report.add([
                    Finding(
                        .datasetWithoutVM, "[\(dataset)] holds no disk of a VM",
                        fix: "remove the section, or where it is behind a datastore: datastore = NAME=\(dataset)")
                ])
            } else if !found.isEmpty {
                report.facts.append("\(dataset): \(Self.names(of: found))")
            }
        }
    }

    /// An error's text; what to do about it, where the texts of its kind end in that.
    private static func finding(_ code: FindingCode, _ error: any Error) -> Finding {
        let text = "\(error)"
        switch error {
        case is WorkFolderError, is INIError, is UntrustedProgramError: break
        case let error as HypervisorError where [.unreachable, .misconfigured].contains(error.code): break
        default: return Finding(code, splitting: text)
        }
        let parts = text.split(separator: "; ", omittingEmptySubsequences: false)
        guard let fix = parts.last, parts.count > 1 else { return Finding(code, text) }
        return Finding(code, parts.dropLast().joined(separator: "; "), fix: String(fix))
    }

    /// Each once, however many types it is planned for.
    private static func names(of plans: [PlannedVM]) -> String {
        let machines = plans.reduce(into: [VMKey: String]()) { $0[$1.key] = printable($1.machine.name) }
        return machines.values.sorted().joined(separator: ", ")
    }

    /// Disks whose place is not known, and those that keep a VM from being more than crash-consistent.
    private static func disks(of machines: [VirtualMachine], _ plans: [PlannedVM]) -> [Finding] {
        let unresolved = machines.flatMap { machine in
            (machine.unresolved ?? []).map {
                Finding(.diskUnresolved, splitting: "\(printable(machine.name)): \($0)")
            }
        }
        let refused = plans.filter { $0.strategies.first?.movesDisks == true }.flatMap { planned in
            planned.disks.compactMap(\.refusal).map {
                let others = planned.strategies.filter { $0.changesMachine && !$0.movesDisks }
                let instead = others.map { printable($0.rawValue, limit: 300) } + ["crash-consistent only"]
                return Finding(
                    .diskRefused,
                    "\(printable(planned.machine.name)) will be \(instead.joined(separator: ", or ")): \($0)",
                    fix: "change that disk, or accept it with: strategy = crash-consistent")
            }
        }
        return unresolved + refused
    }

    /// What each VM that is up would get now.
    private func guests(_ plans: [PlannedVM]) async -> [Finding] {
        // An open run that cannot be read is a finding of its own.
        let directory = StateDirectory(configuration.stateDirectory)
        let runs = ((try? directory.openRunIDs()) ?? []).compactMap { try? directory.read($0) }
        let held = Set(runs.flatMap(\.machines).filter { $0.freezeState != nil }.map(\.key))
        let survey = ObstacleSurvey(maxParallel: configuration.maxParallel, ramDirectory: configuration.ramDirectory)
        return await whileWaiting(for: "the guests") {
            await GuestCheck(survey: survey, held: held).findings(plans)
        }
    }

    /// Those of `exec:PATH`.
    private func programs(_ plans: [PlannedVM]) -> [Finding] {
        Set(plans.flatMap(\.strategies).compactMap(\.program)).sorted().compactMap { path in
            do {
                try TrustedProgram(path).check()
                return nil
            } catch {
                return Self.finding(.programUnusable, error)
            }
        }
    }

    /// The folders that are written to, against the datasets that hold VMs.
    private func folders(
        _ plans: [PlannedVM], _ storage: StorageMap, _ sanoid: SanoidConfiguration?
    ) -> [Finding] {
        let local = plans.filter { $0.hypervisor.overlayDirectory != nil }
        var findings: [Finding] = []
        func test(_ check: () throws -> Void) {
            do {
                try check()
            } catch let error as WorkFolderError where error.code == .tooLittleRoom {
                findings.append(Self.finding(.overlayRoomLacking, error))
            } catch {
                findings.append(Self.finding(.folderUnusable, error))
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
    private func shortages(_ datasets: Set<DatasetName>, _ sanoid: SanoidConfiguration?) async -> [Finding] {
        let room = SnapshotSpaceForecast(zfs: context.zfs)
        let roots = recursiveRoots(above: datasets, sanoid)
        var found: [String] = []
        do throws(ZFSError) {
            found = try await room.shortages(ofEach: datasets.sorted())
            for root in roots.sorted() {
                found += try await room.shortages(of: [root], recursive: true).filter { !found.contains($0) }
            }
        } catch {
            return [
                Finding(.snapshotRoomUnknown, "it is not known whether there is room for the next snapshot: \(error)")
            ]
        }
        return found.map { Finding(.snapshotRoomLacking, splitting: $0) }
    }

    private func leftovers() async throws -> [Finding] {
        // One that does not answer has been named.
        let found = try await Adoption(context: context, configuration: configuration).find(hypervisors) { _, _ in }
        return found.map { found in
            guard let obstacle = found.leftover.obstacle else {
                return Finding(.overlayLeft, found.summary, fix: "stillpoint recover --adopt")
            }
            return Finding(.overlayLeft, splitting: "\(found.summary); \(obstacle)")
        }
    }

    private func openRuns() throws -> [Finding] {
        let directory = StateDirectory(configuration.stateDirectory)
        let recovery = Recovery(context: context, configuration: configuration, configurationPath: nil)
        return try directory.openRunIDs().compactMap { id in
            let run = try directory.read(id)
            let held = run.machines.filter { $0.freezeState != nil }.map { printable($0.name) }.joined(separator: ", ")
            let name = "the run \(id)" + (held.isEmpty ? "" : " (\(held))")
            switch try recovery.status(of: run) {
            case .abandoned: return Finding(.runAbandoned, "\(name) was left open", fix: "stillpoint recover")
            case .ending:
                return Finding(
                    .runNotEnded, "\(name) is open still, and its watchdog has not ended it", fix: "stillpoint recover")
            case .owned, .watched, .awaited: return nil
            }
        }
    }
}
