/// Every key that stillpoint.conf knows, and where it may stand. README.md's table lists the same.
enum ConfigurationKey: String, CaseIterable {
    case stateDirectory = "state_dir"
    case overlayDirectory = "overlay_dir"
    case ramDirectory = "ram_dir"
    case coldStorage = "cold_storage"
    case ramCompression = "ram_compression"
    case sanoidDirectory = "sanoid_dir"
    case maxParallel = "max_parallel"
    case maxHold = "max_hold"
    case agentTimeout = "agent_timeout"
    case freezeTimeout = "freeze_timeout"
    case freezeLimit = "freeze_limit"
    case commitTimeout = "commit_timeout"
    case strategy
    case onFailure = "on_failure"
    case recursive
    case useTemplate = "use_template"
    case kind
    case uri
    case url
    case username
    case passwordFile = "password_file"
    case caFile = "ca_file"
    case thumbprint
    case quiesceAttempts = "quiesce_attempts"
    case datastore
    case lun

    /// Whether it may stand several times in a section.
    var isRepeatable: Bool { self == .datastore || self == .lun }

    static let policy: [ConfigurationKey] = [.strategy, .onFailure]
    static let general: [ConfigurationKey] =
        [
            .stateDirectory, .overlayDirectory, .ramDirectory, .coldStorage, .ramCompression, .sanoidDirectory,
            .maxParallel, .maxHold, .agentTimeout, .freezeTimeout, .freezeLimit, .commitTimeout,
        ] + policy
    static let libvirt: [ConfigurationKey] = [.kind, .uri, .maxParallel]
    static let vSphere: [ConfigurationKey] = [
        .kind, .url, .username, .passwordFile, .caFile, .thumbprint, .maxParallel, .quiesceAttempts, .datastore, .lun,
    ]
    static let dataset: [ConfigurationKey] = [.useTemplate, .recursive] + policy
    static let template: [ConfigurationKey] = [.recursive] + policy
    static let machine: [ConfigurationKey] = [.useTemplate] + policy
}
