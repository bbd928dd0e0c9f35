/// What a back end exports of a VM, besides its disks and RAM, so that it can be made again.
public struct ExportedDefinition: Sendable, Equatable {
    /// The VM's definition in its hypervisor's own words: a domain's XML.
    public let definition: String
    /// Files of this host that belong to the VM and are no disks: UEFI variables, a TPM's state.
    public let files: [SavedFile]

    /// An exported definition with these parts.
    public init(definition: String, files: [SavedFile]) {
        self.definition = definition
        self.files = files
    }
}

/// A file that is saved of a VM.
///
/// Where it is now can be another user's to change: whoever opens it follows no symbolic link on the way, and takes it only
/// where it is a regular file within the bounds below. libvirt's own UEFI variables have 64 MiB at most (64-bit ARM's), a
/// TPM's state some hundred KiB.
public struct SavedFile: Sendable, Equatable {
    /// Bytes that a file may have, that all of a VM's may have, and how many those may be.
    public static let (mostBytes, mostBytesOfAll, mostFiles) = (64 << 20, 128 << 20, 64)
    /// Names that may follow one another in `name`.
    public static let mostLevels = 5

    /// What it is saved as: a relative path that its hypervisor's back end chose, such as `nvram`.
    public let name: String
    /// Where it is now.
    public let path: String

    /// The file at `path`, saved as `name`.
    public init(name: String, path: String) {
        self.name = name
        self.path = path
    }
}

/// A disk image that is now at another place than when its VM was frozen.
public struct PathMove: Sendable, Equatable {
    /// Where the definition says it is.
    public let from: String
    /// Where it is.
    public let to: String

    /// A move between these paths.
    public init(from: String, to: String) {
        self.from = from
        self.to = to
    }
}

/// What is asked of `Hypervisor.restore`.
public struct RestoreRequest: Sendable {
    /// What the VM shall be doing afterwards.
    public enum Power: String, Sendable {
        case off, running, paused
    }

    /// The saved definition.
    public let definition: String
    /// The saved files where they are now; the back end puts copies of them where the VM needs them.
    public let files: [SavedFile]
    /// Where its images are now; a path that is not named is where it was.
    public let moves: [PathMove]
    /// The name of a new VM with a UUID and MAC addresses of its own; nil: the VM itself is put back.
    public let newName: String?
    /// The dump to resume from: a working copy, which the back end may change. Nil: the VM starts, if at all, by
    /// booting.
    public let ramDump: String?
    /// What it shall be doing afterwards.
    public let power: Power
    /// Whether its network links are up. Nil: as in the definition.
    public let linksUp: Bool?
    /// The id and the name that the definition must have; nil: any.
    public let identity: Identity?
    /// Whether definition and RAM come from where nobody else can write. Else the definition is built anew, of harmless
    /// parts alone and of the images in `moves`.
    public let isTrusted: Bool

    /// A VM's id and name.
    public struct Identity: Sendable, Equatable {
        /// As `VirtualMachine.id`.
        public let id: String
        /// As `VirtualMachine.name`.
        public let name: String

        /// An identity of these.
        public init(id: String, name: String) {
            self.id = id
            self.name = name
        }
    }

    /// A request with these parts.
    public init(
        definition: String, files: [SavedFile] = [], moves: [PathMove] = [], newName: String? = nil,
        ramDump: String? = nil, power: Power, linksUp: Bool? = nil, identity: Identity? = nil, isTrusted: Bool = true
    ) {
        self.definition = definition
        self.files = files
        self.moves = moves
        self.newName = newName
        self.ramDump = ramDump
        self.power = power
        self.linksUp = linksUp
        self.identity = identity
        self.isTrusted = isTrusted
    }
}
