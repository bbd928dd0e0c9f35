internal import Hypervisor
internal import XMLTree

extension LibvirtHypervisor {
    /// From `<driver type=…>`, raw where there is none, as libvirt takes it, and `<backingStore>`'s `<format>`.
    public func imageFormats(in definition: String) throws -> [String: String] {
        let disks = try XMLElement.parse(definition).first("devices")?.children(named: "disk") ?? []
        return disks.reduce(into: [:]) { formats, element in
            // A volume's path is not known here, and not asked for.
            let disk = DomainDisk(element) { pool, volume in "\(pool)/\(volume)" }.disk
            for image in disk.chain { formats[settings.place(of: image)] = disk.format(of: image) }
        }
    }
}
