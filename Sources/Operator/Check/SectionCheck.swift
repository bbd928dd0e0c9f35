internal import Configuration
internal import Engine
internal import Hypervisor
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
        return findings
    }
}

extension CheckedSite {
    /// Those with a disk on the dataset or below it.
    func plans(on dataset: DatasetName) -> [PlannedVM] {
        plans.filter { $0.datasets.contains { $0.isSameOrDescendant(of: dataset) } }
    }
}
