internal import Hypervisor
internal import XMLTree

/// What a domain's XML says, as far as a freeze or a release needs it (libvirt.org/formatdomain.html).
struct DomainDescription: Sendable {
    let uuid: String
    let name: String
    /// `<title>`; nil where there is none.
    let title: String?
    /// libvirt's number of a domain that runs; another one after each start.
    let number: String?
    /// The agent's channel is there; `connected` only when the guest has it open.
    let agent: AgentChannel
    var disks: [DomainDisk]
    /// Disks that the guest has without a `<disk>`.
    let unnamedDisks: [UnnamedDisk]
    /// Devices whose state cannot be taken with the RAM, in words; they forbid a migration to a file.
    let fixedDevices: [String]
    /// The most RAM it can have, in bytes; 0 where the XML does not say.
    let memory: UInt64
    /// It may have UEFI variables or a TPM's state in files of its host.
    let mayHaveFiles: Bool

    enum AgentChannel: Sendable, Equatable {
        case none, disconnected, connected
    }

    /// - Parameter volumePath: finds the path of a `<source pool=… volume=…/>`; where it cannot, that is said of the disk.
    init(xml: String, volumePath: (_ pool: String, _ volume: String) throws -> String) throws {
        try self.init(XMLElement.parse(xml), volumePath: volumePath)
    }

    /// From a `<domain>`.
    /// - Parameter host: tells of the devices of its host.
    init(
        _ root: XMLElement, host: HostDevices = HostDevices(),
        volumePath: (_ pool: String, _ volume: String) throws -> String
    ) throws {
        guard let uuid = root.first("uuid")?.text, let name = root.first("name") else {
            throw HypervisorError(.callFailed, "a domain's XML has no uuid or no name", remedy: .stop)
        }
        self.uuid = uuid
        self.name = name.wholeText
        title = root.first("title")?.wholeText
        number = root["id"]
        memory = root.first("memory").flatMap(memorySize) ?? 0
        let devices = root.first("devices")
        agent = AgentChannel(devices?.children(named: "channel") ?? [])
        fixedDevices = (devices?.children ?? []).compactMap(\.fixedDevice)
        disks = (devices?.children(named: "disk") ?? []).map { DomainDisk($0, volumePath: volumePath) }
        unnamedDisks = UnnamedDisk.find(in: root, host: host)
        mayHaveFiles = DomainFiles.mayBelong(to: root)
    }

    func disk(_ target: String) -> DomainDisk? {
        disks.first { $0.disk.target == target }
    }

    /// Why its file systems cannot all be frozen and moved to overlays at one instant, whichever disks are asked for;
    /// nil where they can.
    var obstacle: String? { unnamedDisks.first?.disk.refusal ?? unresolved.first }

    /// Disks that the guest may write to and whose place is not known.
    var unresolved: [String] {
        (disks.map(\.disk) + unnamedDisks.map(\.disk)).filter { $0.chain.isEmpty }.compactMap(\.refusal)
    }

    /// In the words of the model, with its host's paths.
    /// - Parameter isElsewhere: its files are another host's, and are not opened.
    func machine(_ power: VirtualMachine.PowerState, isElsewhere: Bool = false) -> VirtualMachine {
        VirtualMachine(
            id: uuid, name: name, title: title, power: power,
            disks: disks.map { $0.disk.markingOverlay(of: uuid) { isElsewhere ? nil : OverlayMark.run(of: $0) } }
                + unnamedDisks.map(\.disk), memory: memory,
            notes: isElsewhere && mayHaveFiles
                ? ["its UEFI variables and TPM state are files of its own host, and are not saved"] : [],
            unresolved: unresolved.isEmpty ? nil : unresolved)
    }
}

extension Disk {
    fileprivate func markingOverlay(of machineID: String, mark: (String) -> String?) -> Disk {
        guard let path = chain.overlay(of: machineID) else { return self }
        var disk = self
        disk.overlay = DiskOverlay(path: path, run: OverlayName(path)?.run ?? mark(path))
        return disk
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

extension XMLElement {
    /// Not `text`, which trims: a name may begin with a space.
    fileprivate var wholeText: String { content.reduce(into: "") { if case .text(let part) = $1 { $0 += part } } }

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
