internal import Hypervisor
internal import RAMArchive
internal import Storage

/// All settings, defaults filled in; no configuration file at all gives the defaults.
struct Configuration: Sendable {
    var stateDirectory = "/var/lib/stillpoint"
    var overlayDirectory = "/var/lib/libvirt/stillpoint"
    /// Where RAM dumps are first written.
    var ramDirectory = "/var/lib/libvirt/stillpoint"
    /// Where RAM dumps end up; nil: they stay in `ramDirectory`.
    var coldStorage: String?
    var ramCompression = Compression.zstd
    /// Where `recursive = auto` finds sanoid.conf.
    var sanoidDirectory = "/etc/sanoid"
    /// VMs worked on at the same time.
    var maxParallel = 16
    /// For every question to a guest agent but the freeze.
    var agentTimeout = Duration.seconds(5)
    /// How long a guest may take to prepare (hooks, VSS) until it is frozen.
    var freezeTimeout = Duration.seconds(60)
    var freezeLimit = Duration.seconds(10)
    /// How long an overlay may live before the guard releases it.
    var maxHold = Duration.seconds(300)
    var commitTimeout = Duration.seconds(300)
    /// For what no section names.
    var policy = Policy(strategies: [.quiesce, .crashConsistent], onFailure: .continue)
    var hypervisors = [HypervisorSection(name: "local")]
    var datasets: [DatasetSection] = []
    var machines: [MachineSection] = []

    init() {}
}

/// `[POOL/DATASET]`: holds for the dataset and what is below it.
struct DatasetSection: Sendable, Equatable {
    /// Whether a snapshot of this dataset takes its children along.
    enum Recursive: String, Sendable, CaseIterable {
        /// As the manager says, or sanoid.conf where it does not.
        case auto
        case yes
        case no
    }

    var dataset: DatasetName
    var policy = Policy()
    var recursive: Recursive?
}

/// `[vm PATTERN]`, a shell pattern (fnmatch(3)) for the VM's name.
struct MachineSection: Sendable, Equatable {
    var pattern: String
    var policy = Policy()
}

extension Configuration {
    /// What holds for a VM: its own section before its dataset's before the general one.
    ///
    /// Of several dataset sections the longest name wins; of several patterns the first in the file.
    func policy(machine: String, on dataset: DatasetName) -> Policy {
        let own = machines.first { matches(machine, pattern: $0.pattern) }?.policy ?? Policy()
        return own.filled(from: policy(for: dataset))
    }

    /// Whether nothing is to be done for any VM on these datasets.
    func ignores(_ datasets: [DatasetName]) -> Bool {
        machines.allSatisfy { $0.policy.strategies == nil }
            && datasets.allSatisfy { policy(for: $0).strategies == [.ignore] }
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
