internal import Hypervisor
internal import XMLTree

/// The `<domainsnapshot>` that moves the held disks to their overlays and names every other disk as left alone
/// (libvirt.org/formatsnapshot.html).
func snapshotDocument(name: String, held: [HeldDisk], of domain: DomainDescription) -> String {
    let disks = domain.disks.map { domainDisk in
        let target = domainDisk.disk.target
        guard let disk = held.first(where: { $0.target == target }) else {
            return XMLElement("disk", ["name": target, "snapshot": "no"])
        }
        return XMLElement(
            "disk", ["name": target, "snapshot": "external", "type": "file"],
            children: [XMLElement("driver", ["type": "qcow2"]), XMLElement("source", ["file": disk.overlay])])
    }
    return XMLElement(
        "domainsnapshot",
        children: [
            XMLElement("name", text: name),
            XMLElement("description", text: "Made by Stillpoint for a storage snapshot; removed right after it."),
            XMLElement("disks", children: disks),
        ]
    ).description
}
