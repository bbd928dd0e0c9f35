internal import Hypervisor
internal import Support
internal import XMLTree

/// A disk of a guest that no `<disk>` names, and that so can neither get an overlay nor be left out: of
/// `<qemu:commandline>`, of a device of the host that is passed through, or of a file that is a memory module.
struct UnnamedDisk: Sendable, Equatable {
    let disk: Disk

    /// - Parameters:
    ///   - what: where it comes from: `-drive …`, in words.
    ///   - path: its image, where that is said.
    private init(_ what: String, path: String? = nil) {
        disk = Disk(
            target: what, chain: path.map { [$0] } ?? [], format: "raw",
            refusal:
                "the guest has a disk that no <disk> names, \(printable(what, limit: 200)), and that cannot be "
                + "moved to an overlay with the others")
    }

    /// All that the guest may write to.
    /// - Parameter host: tells which of the host's devices are storage.
    static func find(in domain: XMLElement, host: HostDevices = HostDevices()) -> [UnnamedDisk] {
        let devices = domain.first("devices")?.children ?? []
        return devices.compactMap { device in
            switch device.name {
            case "hostdev" where host.isWritableStorage(device): UnnamedDisk(hostDevice(device))
            case "memory": memoryModule(device)
            default: nil
            }
        } + QEMUArguments(domain).disks.map { UnnamedDisk($0.text, path: $0.path) } + overrides(domain)
    }

    private static func hostDevice(_ device: XMLElement) -> String {
        "<hostdev type='\(device["type"] ?? "")'>"
    }

    /// An NVDIMM or a virtio-pmem device holds a file system as a disk does.
    private static func memoryModule(_ device: XMLElement) -> UnnamedDisk? {
        guard let model = device["model"], ["nvdimm", "virtio-pmem"].contains(model),
            device.first("target", "readonly") == nil
        else { return nil }
        return UnnamedDisk("<memory model='\(model)'>", path: device.first("source", "path")?.text)
    }

    /// `<qemu:override>` may give a device another image than its `<disk>` says.
    private static func overrides(_ domain: XMLElement) -> [UnnamedDisk] {
        let properties = (domain.first("qemu:override")?.children ?? [])
            .flatMap { $0.children(named: "qemu:frontend") }.flatMap { $0.children(named: "qemu:property") }
        return properties.filter { ["drive", "file", "filename"].contains($0["name"]) }.map { _ in
            UnnamedDisk("<qemu:override>")
        }
    }
}
