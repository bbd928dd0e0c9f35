public import DiskLocation
public import ZFS

/// A VM as a hypervisor describes it.
public struct VirtualMachine: Sendable, Equatable {
    /// What a VM was doing when it was read.
    public enum PowerState: String, Sendable {
        case running, paused, off
        /// Its RAM is in files beside its disks, and nothing writes to them.
        case suspended

        /// Nothing writes to its disks.
        public var isAtRest: Bool { self == .off || self == .suspended }
    }

    /// The hypervisor's own lasting identity: a UUID (libvirt) or a MoRef (vSphere).
    public let id: String
    /// The name an administrator gave it; any text.
    public let name: String
    /// What an administrator calls it beside its name, where the hypervisor has such (libvirt's `<title>`); any text.
    public let title: String?
    /// UUIDs beside its `id`, in any spelling: vSphere's instance and BIOS UUID.
    public let uuids: [String]
    /// What it was doing when it was read.
    public let power: PowerState
    /// All its disks, the excluded ones too.
    public let disks: [Disk]
    /// Its RAM in bytes; 0 where that is not known.
    public let memory: UInt64
    /// What an administrator should know of it in every report: that a disk is no part of VM snapshots, say.
    public let notes: [String]
    /// Disks that the guest may write to and whose place is not known, each with the reason; so the VM may be concerned
    /// by a snapshot that no other disk of it is in. Nil where there is none.
    public let unresolved: [String]?

    /// A VM with these parts.
    public init(
        id: String, name: String, title: String? = nil, uuids: [String] = [], power: PowerState, disks: [Disk],
        memory: UInt64 = 0, notes: [String] = [], unresolved: [String]? = nil
    ) {
        self.id = id
        self.name = name
        self.title = title
        self.uuids = uuids
        self.power = power
        self.disks = disks
        self.memory = memory
        self.notes = notes
        self.unresolved = unresolved
    }

    /// The same VM with other things known of its disks.
    public func with(disks: [Disk]) -> VirtualMachine {
        VirtualMachine(
            id: id, name: name, title: title, uuids: uuids, power: power, disks: disks, memory: memory, notes: notes,
            unresolved: unresolved)
    }
}

/// A disk of a VM.
public struct Disk: Sendable, Equatable {
    /// Why a disk is excluded: it stays on its image.
    public enum Exclusion: String, Sendable {
        case readOnly = "read-only"
        case cdrom = "CD-ROM"
        case floppy
        case shareable
        /// What the guest writes to it is discarded when the VM is shut down.
        case transient
        /// Its image is not a file or a device of this host.
        case remote = "not local to this host"
    }

    /// The guest's name for it: `vda`.
    public let target: String
    /// Its images, the one that is written first, then what backs it: absolute paths of this host, or what `datasets`
    /// says where they are.
    public let chain: [String]
    /// The datasets that hold each image of the chain, where its back end knows them: by vSphere's datastores. Nil: by
    /// the path.
    public let datasets: [[DatasetName]]?
    /// Format of the first image: `raw`, `qcow2`.
    public let format: String
    /// Formats of the images below it, by their paths, as far as something tells them: the definition, or the header of a
    /// qcow2 image above. Nil: nothing tells any.
    public let lowerFormats: [String: String]?
    /// Nil for a writable disk of this host.
    public let exclusion: Exclusion?
    /// Why a writable disk cannot be moved to an overlay, so that its VM is no more than crash-consistent; nil where it
    /// can.
    public let refusal: String?
    /// The overlay of ours in its chain, so that what lies below holds nothing of what the guest writes; nil where there
    /// is none.
    public var overlay: DiskOverlay?

    /// The image that takes the guest's writes.
    public var source: String? { chain.first }

    /// Its image is the VM's own, and written to while it runs.
    public var isOwn: Bool { exclusion == nil || exclusion == .transient }

    /// A disk with these parts.
    public init(
        target: String, chain: [String], datasets: [[DatasetName]]? = nil, format: String,
        lowerFormats: [String: String]? = nil, exclusion: Exclusion? = nil, refusal: String? = nil
    ) {
        self.target = target
        self.chain = chain
        self.datasets = datasets
        self.format = format
        self.lowerFormats = lowerFormats
        self.exclusion = exclusion
        self.refusal = refusal
    }

    /// The format of an image of its chain; nil where nothing tells it.
    public func format(of image: String) -> String? {
        image == source ? format : lowerFormats?[image]
    }

    /// The same disk with more images below its own.
    public func over(_ layers: [ImageChain.Layer]) -> Disk {
        let formats = layers.reduce(into: lowerFormats ?? [:]) { $0[$1.path] = $1.format }
        var disk = Disk(
            target: target, chain: chain + layers.map(\.path), datasets: datasets, format: format,
            lowerFormats: formats.isEmpty ? nil : formats, exclusion: exclusion, refusal: refusal)
        disk.overlay = overlay
        return disk
    }
}

/// An overlay that a run has made, and that a disk is on.
public struct DiskOverlay: Sendable, Equatable {
    /// The file.
    public let path: String
    /// The run's id; nil: nothing tells which it was.
    public let run: String?

    /// An overlay of that run.
    public init(path: String, run: String?) {
        self.path = path
        self.run = run
    }
}
