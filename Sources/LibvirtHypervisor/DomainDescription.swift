internal import Hypervisor
internal import XMLTree

/// What a domain's XML says, as far as a freeze or a release needs it (libvirt.org/formatdomain.html).
struct DomainDescription: Sendable {
    let uuid: String
    let name: String
    /// The agent's channel is there; `connected` only when the guest has it open.
    let agent: AgentChannel
    let disks: [DomainDisk]
    /// Devices whose state cannot be taken with the RAM, in words; they forbid a migration to a file.
    let fixedDevices: [String]
    /// The most RAM it can have, in bytes; 0 where the XML does not say.
    let memory: UInt64

    enum AgentChannel: Sendable, Equatable {
        case none, disconnected, connected
    }

    /// - Parameter volumePath: finds the path of a `<source pool=… volume=…/>`.
    init(xml: String, volumePath: (_ pool: String, _ volume: String) throws -> String) throws {
        let root = try XMLElement.parse(xml)
        guard let uuid = root.first("uuid")?.text, let name = root.first("name") else {
            throw HypervisorError(.callFailed, "a domain's XML has no uuid or no name", remedy: .stop)
        }
        self.uuid = uuid
        // Not `text`, which trims: a name may begin with a space.
        self.name = name.content.reduce(into: "") { if case .text(let part) = $1 { $0 += part } }
        memory = root.first("memory").flatMap(memorySize) ?? 0
        let devices = root.first("devices")
        agent = AgentChannel(devices?.children(named: "channel") ?? [])
        fixedDevices = (devices?.children ?? []).compactMap(\.fixedDevice)
        disks = try (devices?.children(named: "disk") ?? []).map { try DomainDisk($0, volumePath: volumePath) }
    }

    func disk(_ target: String) -> DomainDisk? {
        disks.first { $0.disk.target == target }
    }
}

extension DomainDescription.AgentChannel {
    init(_ channels: [XMLElement]) {
        let target = channels.compactMap { $0.first("target") }.first { $0["name"] == "org.qemu.guest_agent.0" }
        switch target?["state"] {
        case _ where target == nil: self = .none
        case "connected"?: self = .connected
        default: self = .disconnected
        }
    }
}

/// A disk in a domain's XML.
struct DomainDisk: Sendable, Equatable {
    let disk: Disk
    /// A block job that writes this disk elsewhere is under way (`<mirror>`).
    let mirror: Mirror?

    enum Mirror: Sendable, Equatable {
        /// A commit into the image below: how far it is.
        case running, ready
        /// The commit was asked to pivot, or to end without.
        case pivoting, ending
        /// Somebody copies the disk elsewhere, or commits it into another image.
        case foreign

        init(_ element: XMLElement, below: String?, path: String?) {
            switch element["ready"] {
            case _ where element["job"] == "copy": self = .foreign
            case _ where path != nil && path != below: self = .foreign
            case "yes": self = .ready
            case "pivot": self = .pivoting
            case "abort": self = .ending
            default: self = .running
            }
        }
    }

    init(_ element: XMLElement, volumePath: (String, String) throws -> String) throws {
        let source = try Self.path(of: element, volumePath)
        var chain = source.map { [$0] } ?? []
        var below = element.first("backingStore")
        while let store = below, !chain.isEmpty {
            if let path = try Self.path(of: store, volumePath) { chain.append(path) }
            below = store.first("backingStore")
        }
        disk = Disk(
            target: element.first("target")?["dev"] ?? "",
            chain: chain,
            format: element.first("driver")?["type"] ?? "raw",
            exclusion: Self.exclusion(element, isLocal: source != nil))
        mirror = try element.first("mirror").map { mirror in
            // The path of a block device is in its source; a file's is there too, and in an old attribute.
            Mirror(mirror, below: chain.dropFirst().first, path: try Self.path(of: mirror, volumePath))
        }
    }

    private static func path(of element: XMLElement, _ volumePath: (String, String) throws -> String) throws -> String?
    {
        guard let source = element.first("source") else { return nil }
        switch element["type"] {
        case "file": return source["file"]
        case "block": return source["dev"]
        case "volume":
            guard let pool = source["pool"], let volume = source["volume"] else { return nil }
            return try volumePath(pool, volume)
        default: return nil
        }
    }

    private static func exclusion(_ element: XMLElement, isLocal: Bool) -> Disk.Exclusion? {
        switch element["device"] {
        case "cdrom": .cdrom
        case "floppy": .floppy
        case _ where element.first("readonly") != nil: .readOnly
        case _ where element.first("shareable") != nil: .shareable
        case _ where !isLocal: .remote
        default: nil
        }
    }
}

extension XMLElement {
    /// Why this device keeps a guest from being migrated, and so from being dumped; nil where it does not
    /// (libvirt's qemuMigrationSrcIsAllowed, and QEMU's migration blockers). What is not known here libvirt refuses.
    fileprivate var fixedDevice: String? {
        switch name {
        case "hostdev" where self["type"] != "usb": "a device of the host is passed through"
        case "interface" where self["type"] == "hostdev": "a network device of the host is passed through"
        case "filesystem" where first("driver")?["type"] == "virtiofs": "a virtiofs folder is shared with the host"
        case "shmem" where self["role"] != "master": "a shared memory device is attached"
        case "tpm" where first("backend")?["type"] == "passthrough": "the host's TPM is passed through"
        default: nil
        }
    }
}
