internal import Configuration
internal import DiskLocation
package import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// What `stillpoint plan` is asked for.
package struct PlanOptions: Sendable {
    package let dataset: String
    package let recursive: Bool
    /// As they were written, comma lists among them.
    package let types: [String]
    package let json: Bool

    package init(dataset: String, recursive: Bool, types: [String], json: Bool) {
        self.dataset = dataset
        self.recursive = recursive
        self.types = types
        self.json = json
    }
}

extension Operator {
    /// `stillpoint plan DATASET`: what pre-snapshot would do with each VM, and which line of the configuration wants it.
    package func plan(_ options: PlanOptions) async -> ExitCode {
        await perform { configuration in
            let planner = try await planner(options, configuration)
            var entries: [PlanEntry] = []
            var below: [PlannedVM] = []
            var isWhole = true
            try await Hypervisors(configuration, context).closeAfter { hypervisors in
                let asked = try await hypervisors.enabled()
                var found: [PlannedVM] = []
                let listed = await whileWaiting(for: "the hypervisors") {
                    await hypervisors.machines(before: nil, of: asked)
                }
                for (hypervisor, answer) in listed {
                    do {
                        let machines = try answer.get()
                        let planned = planner.survey(machines, of: hypervisor)
                        for doubt in planner.doubts(about: machines, planned: planned) {
                            context.log.warning("\(doubt)")
                        }
                        found += planned
                        if found.isEmpty { below += planner.withChildren.plan(machines, of: hypervisor) }
                    } catch {
                        context.log.error("\(error)")
                        isWhole = false
                    }
                }
                let survey = ObstacleSurvey(
                    maxParallel: configuration.maxParallel, ramDirectory: configuration.ramDirectory)
                let plan = found
                let runs = try? OverlayRuns(
                    in: StateDirectory(configuration.stateDirectory), maxHold: configuration.maxHold)
                let answers = await whileWaiting(for: "the guests") { await survey.ask(plan, overlayRuns: runs) }
                entries = found.map { planner.entry(of: $0, answers[$0.key], runs) }
            }
            for remark in planner.remarks { context.log.info("\(remark)") }
            if options.json {
                try write(json: entries)
            } else {
                say(entries.map(\.paragraph).joined(), paint: palette.planLine)
                if entries.isEmpty, isWhole { say(absence(from: planner.scope, below)) }
            }
            return isWhole ? .done : .failed
        }
    }

    /// - Throws: NameError, InvocationError, UnknownDatasetError, ZFSError, INIError, StorageError.
    private func planner(_ options: PlanOptions, _ configuration: Configuration) async throws -> Planner {
        let dataset = try DatasetName(options.dataset)
        let types = try SnapshotType.ofOptions(options.types)
        guard try await context.zfs.exists(dataset.rawValue) else { throw UnknownDatasetError(dataset: dataset) }
        let invocation = Invocation(
            manager: .byHand, phase: .pre, targets: [dataset], snapshots: [],
            recursion: options.recursive ? .yes : .no, types: types)
        let scope = try Scope(invocation, configuration) {
            try SanoidConfiguration(directory: configuration.sanoidDirectory)
        }
        return Planner(
            scope: scope, storage: try StorageMap(roots: context.roots), configuration: configuration,
            types: invocation.types)
    }

    private func absence(from scope: Scope, _ below: [PlannedVM]) -> String {
        let dataset = scope.targets.map(\.rawValue).joined(separator: ", ")
        guard !below.isEmpty else { return "no VM has a disk on \(dataset)\n" }
        let names = Set(below.map { printable($0.machine.name) }).sorted().joined(separator: ", ")
        return
            "no VM has a disk on \(dataset) itself; with those below it, which a recursive snapshot takes: \(names). "
            + "See: stillpoint plan -r \(shellQuoted(dataset))\n"
    }
}

extension Planner {
    fileprivate var withChildren: Planner {
        var planner = self
        planner.scope = scope.withChildren
        return planner
    }
}
