public import Support
public import ZFS

/// Settings of one hypervisor, from its configuration section and the general one.
@dynamicMemberLookup
public struct HypervisorSettings: Sendable, Equatable {
    /// The section's name: `local`.
    public var name: String
    /// The back end that asks it: `libvirt`, `vsphere`, `exec`.
    public var kind: String
    /// Whether it is asked for its VMs; one that is not is still asked to release what a run holds.
    public var isEnabled = true
    /// Where it is reached: `qemu:///system`, `https://vc1.example.com/sdk`.
    public var uri: String
    /// How it is logged in to, and how its certificate is judged; nil for libvirt.
    public var login: ServerLogin?
    /// What is known of where its disks are stored, beside what is found.
    public var storageRules = StorageRules()
    /// What is said of a libvirtd that sees this host's storage at other paths; nil: it sees what this host sees.
    public var site: RemoteSite?
    /// The datasets of VMs that nothing can be asked for, by their names (`kind = exec`).
    public var listedVMs: [String: [DatasetName]] = [:]
    /// VMs worked on at the same time; nil: as many as the general section says.
    public var maxParallel: Int?
    /// How often a VM is asked to quiesce before its next strategy is tried.
    public var quiesceAttempts = 2
    /// All strategies that the configuration names, by which it is known what an account must be allowed to.
    public var strategies: Set<Strategy> = []
    /// What every hypervisor is told; `settings.freezeLimit` is `settings.shared.freezeLimit`.
    public var shared = SharedHypervisorSettings()
    /// Where `/proc`, `/sys` and `/dev` are.
    public var roots = SystemRoots()

    /// Settings of a hypervisor that is reached there.
    public init(name: String, kind: String = "libvirt", uri: String = "qemu:///system") {
        self.name = name
        self.kind = kind
        self.uri = uri
    }

    /// A setting that all have in common.
    @inlinable public subscript<Value>(dynamicMember path: WritableKeyPath<SharedHypervisorSettings, Value>) -> Value {
        get { shared[keyPath: path] }
        set { shared[keyPath: path] = newValue }
    }
}

/// What the general section of the configuration says to every hypervisor.
public struct SharedHypervisorSettings: Sendable, Equatable {
    /// The folder for overlays.
    public var overlayDirectory = "/var/lib/libvirt/stillpoint"
    /// The folder in which RAM dumps are made.
    public var ramDirectory = "/var/lib/libvirt/stillpoint"
    /// How long the guest agent may take to answer every question but the freeze.
    public var agentTimeout = Duration.seconds(5)
    /// How long a guest may take to prepare, by hooks or VSS, until it is frozen.
    public var freezeTimeout = Duration.seconds(60)
    /// How long a guest may stay frozen; for so long its thaw is repeated.
    public var freezeLimit = Duration.seconds(10)
    /// How long a guest may take to shut down.
    public var shutdownTimeout = Duration.seconds(60)
    /// How long a commit may take to catch up with the guest's writes.
    public var commitTimeout = Duration.seconds(300)

    /// The defaults.
    public init() {}
}

/// A libvirtd on another host, or in another mount namespace: its files are not to be reached here by its paths.
public struct RemoteSite: Sendable, Equatable {
    /// Where this host's storage is there.
    public var paths: PathMap
    /// The folder there in which overlays are made.
    public var overlayDirectory: String

    /// A site of these.
    public init(paths: PathMap, overlayDirectory: String) {
        self.paths = paths
        self.overlayDirectory = overlayDirectory
    }
}

/// How a server is logged in to.
public struct ServerLogin: Sendable, Equatable {
    /// How the server's certificate is verified. Verification cannot be switched off.
    public enum Trust: Sendable, Equatable {
        /// By the system's certificate store.
        case system
        /// By the certificates in this PEM file alone.
        case certificates(path: String)
        /// It must be this very certificate: SHA-256 of its DER form, 64 hexadecimal digits in lower case.
        case thumbprint(String)
    }

    /// The account: `stillpoint@vsphere.local`.
    public var username: String
    /// The file that holds the password, readable by its owner alone; nil: the systemd credential named after the section.
    public var passwordFile: String?
    /// How its certificate is judged.
    public var trust: Trust

    /// A login with these parts.
    public init(username: String, passwordFile: String?, trust: Trust) {
        self.username = username
        self.passwordFile = passwordFile
        self.trust = trust
    }
}

/// What an administrator says of where a server's disks are stored on this host.
public struct StorageRules: Sendable, Equatable {
    /// The dataset behind a datastore, by the datastore's name.
    public var datastores: [String: DatasetName] = [:]
    /// The volume behind a LUN, by its NAA name in lower case: `naa.6001405…`.
    public var luns: [String: DatasetName] = [:]

    /// Rules that say nothing yet.
    public init() {}
}
