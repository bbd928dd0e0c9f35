package import Hypervisor
package import RAMArchive
internal import ZFS

/// All settings, defaults filled in; no configuration file at all gives the defaults.
///
/// A key is a property, whose first value is the default, and one line in `readKeys`. What hypervisors need is a property of
/// ``SharedHypervisorSettings``.
@dynamicMemberLookup
package struct Configuration: Sendable {
    package var stateDirectory = "/var/lib/stillpoint"
    /// Where RAM dumps end up; nil: they stay in `ramDirectory`.
    package var coldStorage: String?
    package var ramCompression = Compression.zstd
    /// Where `recursive = auto` finds sanoid.conf.
    package var sanoidDirectory = "/etc/sanoid"
    /// VMs worked on at the same time.
    package var maxParallel = 16
    /// How long an overlay may live before the watchdog releases it.
    package var maxHold = Duration.seconds(300)
    /// What every hypervisor is told; `configuration.freezeLimit` is `configuration.shared.freezeLimit`.
    package var shared = SharedHypervisorSettings()
    /// Who is told of a run.
    package var notifications = NotificationSettings()
    /// For what no section names.
    var policy = Policy(strategies: [.quiesce, .crashConsistent], onFailure: .continue)
    package var hypervisors = [HypervisorSettings(name: "local")]
    package var datasets: [DatasetSection] = []
    package var machines: [VMSection] = []
    package var types: [TypeSection] = []

    package init() {}

    package subscript<Value>(dynamicMember path: KeyPath<SharedHypervisorSettings, Value>) -> Value {
        shared[keyPath: path]
    }

    /// The keys of `[stillpoint]`.
    mutating func readKeys(_ section: inout SectionReader) {
        section.key(
            FolderKey.stateDirectory.rawValue, &stateDirectory, .path,
            "open runs, what is known of past ones, and this host's key; it must survive a reboot")
        section.key(
            FolderKey.overlayDirectory.rawValue, &shared.overlayDirectory, .path,
            "where guests write while the snapshot is taken: fast, and never on a dataset that is snapshotted")
        section.key(
            FolderKey.ramDirectory.rawValue, &shared.ramDirectory, .path,
            "where RAM dumps are first written: fast, and never on a dataset that is snapshotted")
        section.key(
            FolderKey.coldStorage.rawValue, &coldStorage, .optional(.path), unset: "they stay in `ram_dir`",
            "where RAM dumps end up")
        section.key("ram_compression", &ramCompression, .choice, "how RAM dumps are packed for cold storage")
        section.key(
            "sanoid_dir", &sanoidDirectory, .path,
            "where sanoid.conf is, unless the sanoid that calls was given `--configdir`")
        section.key("max_parallel", &maxParallel, .integer(1...256), "VMs worked on at the same time")
        section.key(
            "max_hold", &maxHold, .seconds(1...86400),
            "how long an overlay may live before the watchdog releases its VM")
        section.key(
            "agent_timeout", &shared.agentTimeout, .seconds(1...600),
            "how long a guest agent may take to answer, whatever it is asked but to freeze")
        section.key(
            "freeze_timeout", &shared.freezeTimeout, .seconds(1...600),
            "how long a guest may prepare (freeze hooks, VSS) until it is frozen; less where the manager waits less")
        section.key(
            "freeze_limit", &shared.freezeLimit, .seconds(1...600),
            "how long a guest may stay frozen, or paused by `pause`; for so long its thaw is repeated")
        section.key(
            "shutdown_timeout", &shared.shutdownTimeout, .seconds(1...3600),
            "how long a guest may take to shut down (`shutdown`); less where the manager waits less")
        section.key(
            "commit_timeout", &shared.commitTimeout, .seconds(1...86400),
            "how long a commit may take to catch up with the guest")
        notifications.readKeys(&section)
        policy.readKeys(&section)
    }
}
