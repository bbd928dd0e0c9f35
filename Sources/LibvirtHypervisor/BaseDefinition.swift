internal import Hypervisor
internal import XMLTree

/// Puts bases in the place of overlays in a domain's XML, at any depth of a disk's chain.
struct BaseDefinition: Sendable {
    let disks: [HeldDisk]

    func rewritten(_ domain: XMLElement) -> XMLElement {
        var domain = domain
        domain["id"] = nil
        domain.change("devices") { devices in
            devices.change("disk") { disk in
                putOnBase(&disk)
                lift(&disk)
            }
        }
        return domain
    }

    /// As the top image.
    private func putOnBase(_ disk: inout XMLElement) {
        guard let path = disk.imagePath, let held = disks.first(where: { $0.overlay == path }) else { return }
        let isBlock = held.base.hasPrefix("/dev/")
        disk["type"] = isBlock ? "block" : "file"
        disk.change("source") { source in
            for attribute in ["file", "dev", "index"] { source[attribute] = nil }
            source[isBlock ? "dev" : "file"] = held.base
        }
        disk.change("driver") { $0["type"] = held.baseFormat }
        dropBelow(&disk)
    }

    /// Below somebody's image.
    private func lift(_ image: inout XMLElement) {
        if let path = image.first("backingStore")?.imagePath, disks.contains(where: { $0.overlay == path }) {
            dropBelow(&image)
        }
        image.change("backingStore") { lift(&$0) }
    }

    /// Takes the next image out of the chain. Where the XML does not say what is below that one, libvirt looks into the
    /// images when the domain starts.
    private func dropBelow(_ image: inout XMLElement) {
        if let next = image.first("backingStore")?.first("backingStore") {
            image.put(next)
        } else {
            image.remove("backingStore")
        }
    }
}

extension XMLElement {
    fileprivate var imagePath: String? {
        first("source").flatMap { $0["file"] ?? $0["dev"] }
    }
}

extension Connection {
    /// Puts the bases into what a domain starts from next time.
    /// - Returns: whether that goes on from saved RAM.
    func define(_ domain: Domain, on bases: BaseDefinition) throws -> Bool {
        // First the saved RAM: once the definition is right, nobody would look at it again.
        let saved = try domain.managedSaveDocument()
        if let saved {
            let rewritten = bases.rewritten(saved)
            if rewritten != saved { try domain.defineManagedSave(rewritten) }
        }
        let now = try domain.document(live: false)
        let rewritten = bases.rewritten(now)
        if rewritten != now { _ = try define(rewritten) }
        return saved != nil
    }
}
