package import Hypervisor
package import ZFS

extension Configuration {
    /// What holds for a VM: its own section before that of the snapshot's type, before its dataset's, before the
    /// general one.
    ///
    /// Each key on its own: a section that does not have it leaves it to the next wider one. Of several dataset
    /// sections the longest name wins; of several patterns the first in the file.
    /// - Parameter types: of the snapshots that are about to be taken.
    package func policy(of machine: VirtualMachine, on dataset: DatasetName, types: [String]) -> Policy {
        let own = section(of: machine)?.policy ?? Policy()
        return own.filled(from: policy(for: dataset, types: types))
    }

    /// The first `[vm …]` that matches.
    package func section(of machine: VirtualMachine) -> VMSection? {
        machines.first { $0.pattern.includes(machine) }
    }

    /// Whether nothing is to be done for any VM on these datasets.
    package func ignores(_ datasets: [DatasetName], types: [String]) -> Bool {
        guard hypervisors.contains(where: \.isEnabled) else { return true }
        return !machines.contains { $0.policy.wantsSomething }
            && datasets.allSatisfy { policy(for: $0, types: types).strategies == [.ignore] }
    }

    /// Whether nothing is to be done for any VM, wherever it is, as the types say or since nobody is to be asked.
    package func ignoresAll(types: [String]) -> Bool {
        guard hypervisors.contains(where: \.isEnabled) else { return true }
        return !types.isEmpty && !machines.contains { $0.policy.wantsSomething }
            && types.allSatisfy { type in self.types.first { $0.name == type }?.policy.strategies == [.ignore] }
    }

    /// What holds on a dataset for VMs that no `[vm …]` section names.
    package func policy(for dataset: DatasetName, types: [String]) -> Policy {
        let sections =
            datasets
            .filter { dataset.isSameOrDescendant(of: $0.dataset) }
            .sorted { $0.dataset.rawValue.utf8.count > $1.dataset.rawValue.utf8.count }
        return policy(of: types, over: sections.reduce(Policy()) { $0.filled(from: $1.policy) }.filled(from: policy))
    }

    /// A type without a section counts with what the wider sections say.
    private func policy(of types: [String], over wider: Policy) -> Policy {
        guard !self.types.isEmpty else { return wider }
        let all = types.map { type in
            self.types.first { $0.name == type }?.policy.filled(from: wider) ?? wider
        }
        return all.dropFirst().reduce(all.first ?? wider) { $0.promisingMore($1) }
    }

    /// The `recursive` key of the nearest section at or above a dataset.
    package func recursive(for dataset: DatasetName) -> DatasetSection.Recursive {
        datasets
            .filter { dataset.isSameOrDescendant(of: $0.dataset) && $0.recursive != nil }
            .max { $0.dataset.rawValue.utf8.count < $1.dataset.rawValue.utf8.count }?
            .recursive ?? .auto
    }
}

extension Policy {
    fileprivate var wantsSomething: Bool { strategies.map { $0 != [.ignore] } ?? false }
}
