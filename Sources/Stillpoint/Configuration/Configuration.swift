internal import Hypervisor
public import Storage

/// All settings, defaults filled in; no configuration file at all gives the defaults.
public struct Configuration: Sendable {
    public var stateDirectory = "/var/lib/stillpoint"
    public var overlayDirectory = "/var/lib/libvirt/stillpoint"
    /// Where `recursive = auto` finds sanoid.conf.
    public var sanoidDirectory = "/etc/sanoid"
    /// VMs worked on at the same time.
    public var maxParallel = 16
    public var agentTimeout = Duration.seconds(5)
    public var freezeLimit = Duration.seconds(10)
    public var commitTimeout = Duration.seconds(300)
    /// For what no section names.
    public var policy = Policy(strategies: [.quiesce, .crashConsistent], onFailure: .continue)
    public var hypervisors = [HypervisorSection(name: "local", kind: "libvirt", uri: "qemu:///system")]
    public var datasets: [DatasetSection] = []
    public var machines: [MachineSection] = []

    public init() {}
}

/// `[hypervisor NAME]`
public struct HypervisorSection: Sendable, Equatable {
    public var name: String
    public var kind: String
    public var uri: String
}

/// `[POOL/DATASET]`: holds for the dataset and what is below it.
public struct DatasetSection: Sendable, Equatable {
    /// Whether a snapshot of this dataset takes its children along.
    public enum Recursive: String, Sendable, CaseIterable {
        /// As the manager says, or sanoid.conf where it does not.
        case auto
        case yes
        case no
    }

    public var dataset: DatasetName
    public var policy = Policy()
    public var recursive: Recursive?
}

/// `[vm PATTERN]`, a shell pattern (fnmatch(3)) for the VM's name.
public struct MachineSection: Sendable, Equatable {
    public var pattern: String
    public var policy = Policy()
}

extension Configuration {
    /// What holds for a VM: its own section before its dataset's before the general one.
    ///
    /// Of several dataset sections the longest name wins; of several patterns the first in the file.
    public func policy(machine: String, on dataset: DatasetName) -> Policy {
        let own = machines.first { matches(machine, pattern: $0.pattern) }?.policy ?? Policy()
        return own.filled(from: policy(for: dataset))
    }

    /// What holds on a dataset for VMs that no `[vm …]` section names.
    func policy(for dataset: DatasetName) -> Policy {
        let sections =
            datasets
            .filter { dataset.isSameOrDescendant(of: $0.dataset) }
            .sorted { $0.dataset.rawValue.utf8.count > $1.dataset.rawValue.utf8.count }
        return sections.reduce(Policy()) { $0.filled(from: $1.policy) }.filled(from: policy)
    }

    /// The `recursive` key of the nearest section at or above a dataset.
    func recursive(for dataset: DatasetName) -> DatasetSection.Recursive {
        datasets
            .filter { dataset.isSameOrDescendant(of: $0.dataset) && $0.recursive != nil }
            .max { $0.dataset.rawValue.utf8.count < $1.dataset.rawValue.utf8.count }?
            .recursive ?? .auto
    }
}
