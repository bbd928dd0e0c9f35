internal import Hypervisor
package import ZFS

extension Configuration {
    /// What holds for a VM: its own section before its dataset's before the general one.
    ///
    /// Of several dataset sections the longest name wins; of several patterns the first in the file.
    package func policy(machine: String, on dataset: DatasetName) -> Policy {
        let own = machines.first { matches(machine, pattern: $0.pattern) }?.policy ?? Policy()
        return own.filled(from: policy(for: dataset))
    }

    /// Whether nothing is to be done for any VM on these datasets.
    package func ignores(_ datasets: [DatasetName]) -> Bool {
        machines.allSatisfy { $0.policy.strategies == nil }
            && datasets.allSatisfy { policy(for: $0).strategies == [.ignore] }
    }

    /// What holds on a dataset for VMs that no `[vm …]` section names.
    package func policy(for dataset: DatasetName) -> Policy {
        let sections =
            datasets
            .filter { dataset.isSameOrDescendant(of: $0.dataset) }
            .sorted { $0.dataset.rawValue.utf8.count > $1.dataset.rawValue.utf8.count }
        return sections.reduce(Policy()) { $0.filled(from: $1.policy) }.filled(from: policy)
    }

    /// The `recursive` key of the nearest section at or above a dataset.
    package func recursive(for dataset: DatasetName) -> DatasetSection.Recursive {
        datasets
            .filter { dataset.isSameOrDescendant(of: $0.dataset) && $0.recursive != nil }
            .max { $0.dataset.rawValue.utf8.count < $1.dataset.rawValue.utf8.count }?
            .recursive ?? .auto
    }
}
