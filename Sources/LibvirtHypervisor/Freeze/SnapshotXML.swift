internal import Hypervisor
internal import XMLTree

/// The `<domainsnapshot>` that moves the held disks to their overlays and names every other disk as excluded
/// (libvirt.org/formatsnapshot.html).
///
/// - Parameter memory: the file that the guest's RAM is dumped to, if it is.
func snapshotDocument(
    name: String, held: [OverlayDisk], of domain: DomainDescription, memory: String? = nil
) -> String {
    let disks = domain.disks.map { domainDisk in
        let target = domainDisk.disk.target
        guard let disk = held.first(where: { $0.target == target }) else {
            return XMLElement("disk", ["name": target, "snapshot": "no"])
        }
        return XMLElement(
            "disk", ["name": target, "snapshot": "external", "type": "file"],
            children: [XMLElement("driver", ["type": "qcow2"]), XMLElement("source", ["file": disk.overlay])])
    }
    var children = [
        XMLElement("name", text: name),
        XMLElement("description", text: "Made by Stillpoint for a storage snapshot; removed right after it."),
    ]
    if let memory {
        children.append(XMLElement("memory", ["snapshot": "external", "file": memory]))
    }
    children.append(XMLElement("disks", children: disks))
    return XMLElement("domainsnapshot", children: children).description
}
