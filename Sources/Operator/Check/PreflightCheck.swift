internal import Configuration
internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// Checks all that the next run will need: first the hypervisors, then one theme after another.
struct PreflightCheck: Sendable {
    let configuration: Configuration
    let context: ProgramContext
    let hypervisors: Hypervisors
    var host = CheckedHost()
    /// How long a hypervisor may take to list its VMs.
    var listing = Duration.seconds(60)

    /// - Throws: StorageError where the mounts cannot be read.
    func run() async throws -> CheckReport {
        var report = CheckReport()
        let asking = HostCheck(context: context)
        report.add(asking.findings())
        let (zfs, silence) = await asking.zfs()
        report.add(silence)
        var site = CheckedSite(
            configuration: configuration, context: context, host: host, storage: try StorageMap(roots: context.roots),
            hypervisors: hypervisors, zfs: zfs)
        try await ask(&site, &report)
        await read(&site, &report)
        report.facts += datasets(site)
        for theme in themes(site) { report.add(await theme.result()) }
        return report
    }

    private func themes(_ site: CheckedSite) -> [any CheckTheme] {
        let hooks = hooksFolder
        return [
            SectionCheck(site: site), RuleCheck(site: site), GuestTheme(site: site),
            SanoidCheck(site: site, hooks: hooks),
            ManagerCheck(site: site), FolderCheck(site: site), OverlayRoomCheck(site: site), PoolCheck(site: site),
            SnapshotRoomCheck(site: site), RunCheck(site: site), ArchiveCheck(site: site), LeftoverCheck(site: site),
            OwnershipCheck(site: site, folder: hooks), ServiceCheck(site: site), MonitoringCheck(site: site),
        ]
    }

    /// The VMs, and what is found at each hypervisor.
    private func ask(_ site: inout CheckedSite, _ report: inout CheckReport) async throws {
        // A type's section may want more of a VM, or leave others out.
        let planners = ([[]] + configuration.types.map { [$0.name] }).map {
            Planner(scope: .everything, storage: site.storage, configuration: configuration, types: $0)
        }
        site.planners = planners
        var machines: [VirtualMachine] = []
        var answering = 0
        let asked = try await hypervisors.enabled()
        // Each may take half of what is left.
        let answers = await whileWaiting(for: "the hypervisors") { [listing] in
            await hypervisors.machines(before: .now + listing * 2, of: asked)
        }
        for (hypervisor, answer) in answers {
            do {
                let all = try answer.get()
                report.facts.append("\(hypervisor.name): \(all.count) VMs")
                report.add(await HypervisorCheck(hypervisor: hypervisor).result())
                let planned = planners.flatMap { $0.plan(all, of: hypervisor) }
                report.add(DiskCheck(machines: all, plans: planned).findings())
                site.plans += planned
                machines += all
                answering += 1
            } catch let error as HypervisorError where error.code == .timedOut {
                site.silent.insert(hypervisor.name)
                let late = "it does not tell its VMs within \(listing.text)"
                let fix = configuration.hypervisors.first { $0.name == hypervisor.name }?.wayOutOfSilence
                report.add([Finding(.hypervisorUnreachable, late, fix: fix).of(hypervisor.name)])
            } catch {
                let finding = HostCheck(context: context).finding(.hypervisorUnreachable, of: error)
                report.add([finding.of(hypervisor.name)])
            }
        }
        if answering == configuration.hypervisors.count { site.allMachines = machines }
    }

    /// The VMs of each dataset that has a section, or is snapshotted by sanoid.
    private func datasets(_ site: CheckedSite) -> [String] {
        let named = configuration.datasets.map(\.dataset)
        let managed = site.datasets.filter { dataset in
            !named.contains { dataset.isSameOrDescendant(of: $0) } && site.sanoid?.calls(for: dataset).isEmpty == false
        }
        return (named + managed.sorted()).compactMap { dataset in
            let names = Self.names(of: site.plans(on: dataset))
            guard !names.isEmpty else { return nil }
            let count = names.count == 1 ? "1 VM" : "\(names.count) VMs"
            return "\(dataset): \(count): \(shortList(names, most: 10))"
        }
    }

    /// What the themes need of files and of systemd.
    private func read(_ site: inout CheckedSite, _ report: inout CheckReport) async {
        do {
            site.sanoid = try SanoidSchedule(
                directory: configuration.sanoidDirectory,
                datasets: site.datasets.union(configuration.datasets.map(\.dataset)))
        } catch {
            // A hook under sanoid would refuse it.
            report.add([HostCheck(context: context).finding(.managerConfigurationUnreadable, of: error)])
        }
        site.units = await SystemdUnits(ServiceCheck.units, of: host)
        let history = RunHistory(StateDirectory(configuration.stateDirectory))
        site.overlays =
            (try? await blocking("reading the history", within: .seconds(60)) { OverlayHistory(history) })
            ?? OverlayHistory()
    }

    /// Beside this program, else where the package puts them.
    private var hooksFolder: String {
        let packaged = "/usr/lib/stillpoint"
        guard let executable = context.executable, let path = try? FileAccess.realPath(executable) else {
            return packaged
        }
        let folder = FileAccess.parent(path)
        return fileExists("\(folder)/pre-snapshot") ? folder : packaged
    }

    /// Each once, however many types it is planned for.
    private static func names(of plans: [PlannedVM]) -> [String] {
        let machines = plans.reduce(into: [VMKey: String]()) { $0[$1.key] = printable($1.machine.name) }
        return machines.values.sorted()
    }
}

extension HypervisorSettings {
    /// What helps where it takes calls and answers none; nil: it is not known.
    fileprivate var wayOutOfSilence: String? {
        guard kind == "libvirt" else { return nil }
        return
            "where 'virsh -c \(shellQuoted(uri)) list' hangs too: systemctl restart libvirtd (or virtqemud) on its host, "
            + "which does not touch VMs"
    }
}

/// What a back end finds amiss with what it asks.
private struct HypervisorCheck: CheckTheme {
    let hypervisor: any Hypervisor
    var subject: String { "the hypervisor \(hypervisor.name)" }

    func findings() async throws -> [Finding] { try await hypervisor.findings().map { $0.of(hypervisor.name) } }
}
