internal import Configuration
internal import Engine
internal import Hypervisor
internal import SnapshotManagers
internal import Support
internal import ZFS

/// The datasets that the configuration names.
struct SectionCheck: CheckTheme {
    let site: CheckedSite
    var subject: String { "the configuration's datasets" }

    func findings() async throws -> [Finding] {
        guard let zfs = site.zfs else { return [] }
        var findings: [Finding] = []
        for section in site.configuration.datasets {
            let dataset = section.dataset
            guard try await zfs.exists(dataset.rawValue) else {
                findings.append(
                    Finding(
                        .datasetMissing, "[\(dataset)] does not exist",
                        fix: "correct or remove the section ('zfs list' shows the datasets that exist)"))
                continue
            }
            if site.plans(on: dataset).isEmpty, site.allMachines != nil {
                findings.append(
                    Finding(
                        .datasetWithoutVM, "[\(dataset)] holds no disk of a VM",
                        fix: "remove the section, or where it is behind a datastore: datastore = NAME=\(dataset)"))
            }
        }
        return try await findings + managed(zfs)
    }

    /// Sections of sanoid.conf that were written for us.
    private func managed(_ zfs: ZFSCommand) async throws -> [Finding] {
        var findings: [Finding] = []
        for (section, name) in site.sanoid?.datasets(calling: "-snapshot") ?? [] {
            if let dataset = try? DatasetName(name), try await zfs.exists(dataset.rawValue) { continue }
            let path = name == section ? "" : " has path = \(printable(name)), which"
            findings.append(
                Finding(
                    .managedDatasetMissing,
                    "[\(printable(section))] of \(site.sanoidFile)\(path) does not exist",
                    fix: "correct or remove the section ('zfs list' shows the datasets that exist)"))
        }
        return findings
    }
}

extension CheckedSite {
    /// Those with a disk on the dataset or below it.
    func plans(on dataset: DatasetName) -> [PlannedVM] {
        plans.filter { $0.datasets.contains { $0.isSameOrDescendant(of: dataset) } }
    }
}
