internal import Bounds
internal import Hypervisor
internal import XMLTree

/// Puts bases in the place of overlays in a domain's XML, at any depth of a disk's chain, with all that was said of them
/// before the freeze.
struct BaseDefinition: Sendable {
    let disks: [OverlayDisk]

    func rewritten(_ domain: XMLElement) -> XMLElement {
        var domain = domain
        domain["id"] = nil
        domain.change("devices") { devices in
            devices.change("disk") { disk in
                if let path = disk.imagePath, let held = disks.first(where: { $0.overlay == path }) {
                    putOnBase(&disk, held)
                }
                lift(&disk)
            }
        }
        return domain
    }

    /// The same for disks that libvirt has put back on their bases: what it left out of their sources.
    func completed(_ domain: XMLElement) -> XMLElement {
        var domain = rewritten(domain)
        domain.change("devices") { devices in
            devices.change("disk") { disk in
                let (path, target) = (disk.imagePath, disk.first("target")?["dev"])
                guard let path, let held = disks.first(where: { $0.base == path && $0.target == target }),
                    let kept = held.keptDisk
                else { return }
                var whole = disk
                whole.takeImage(of: kept)
                if !whole.says(sameAs: disk) { disk = whole }
            }
        }
        return domain
    }

    /// As the top image.
    private func putOnBase(_ disk: inout XMLElement, _ held: OverlayDisk) {
        if let kept = held.keptDisk {
            disk.takeImage(of: kept)
        } else if let below = disk.first("backingStore"), below.imagePath == held.base,
            let source = below.first("source")
        {
            // libvirt wrote the base's own source there when it took the overlay.
            disk["type"] = below["type"]
            disk.put(source)
            disk.change("source") { $0["index"] = nil }
            disk.change("driver") { $0["type"] = held.baseFormat }
            dropBelow(&disk)
        } else {
            let isBlock = held.base.hasPrefix("/dev/")
            disk["type"] = isBlock ? "block" : "file"
            disk.change("source") { source in
                for attribute in ["file", "dev", "index"] { source[attribute] = nil }
                source[isBlock ? "dev" : "file"] = held.base
            }
            disk.change("driver") { $0["type"] = held.baseFormat }
            dropBelow(&disk)
        }
    }

    /// Below somebody's image.
    private func lift(_ image: inout XMLElement) {
        if let path = image.first("backingStore")?.imagePath, disks.contains(where: { $0.overlay == path }) {
            dropBelow(&image)
        }
        image.change("backingStore") { lift(&$0) }
    }

    /// Takes the next image out of the chain. Where the XML does not say what is below that one, libvirt reads the
    /// images when the domain starts.
    private func dropBelow(_ image: inout XMLElement) {
        if let next = image.first("backingStore")?.first("backingStore") {
            image.put(next)
        } else {
            image.remove("backingStore")
        }
    }
}

extension OverlayDisk {
    /// The `<disk>` as it was before the freeze; nil where it was not kept, or is of another image than the base.
    var keptDisk: XMLElement? {
        definition.flatMap { try? XMLElement.parse($0, within: .definition.with(bytes: Self.longestDefinition)) }
    }
}

extension XMLElement {
    var imagePath: String? {
        first("source").flatMap { $0["file"] ?? $0["dev"] }
    }

    /// Everything that says what the image of a disk is; what the disk is to the guest stays.
    fileprivate mutating func takeImage(of other: XMLElement) {
        self["type"] = other["type"]
        for name in ["source", "backingStore"] {
            if let child = other.first(name) { put(child) } else { remove(name) }
        }
        let driver = other.first("driver")
        change("driver") { mine in
            mine["type"] = driver?["type"]
            if let cache = driver?.first("metadata_cache") { mine.put(cache) } else { mine.remove("metadata_cache") }
        }
    }

    /// Whether both mean the same to libvirt, which ignores the order of attributes and elements, and blanks.
    func says(sameAs other: XMLElement) -> Bool {
        guard name == other.name, text == other.text, attributes.count == other.attributes.count,
            attributes.allSatisfy({ other[$0.name] == $0.value })
        else { return false }
        var left = other.children
        return children.count == left.count
            && children.allSatisfy { child in
                guard let index = left.firstIndex(where: { child.says(sameAs: $0) }) else { return false }
                left.remove(at: index)
                return true
            }
    }
}

extension Connection {
    /// Puts the bases into what a domain starts from next time.
    /// - Returns: whether that resumes from saved RAM.
    func define(_ domain: Domain, on bases: BaseDefinition) throws -> Bool {
        // First the saved RAM: once the definition is right, nobody would check it again.
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

    /// Puts back what libvirt left out of the definition when it moved the disks to their overlays and back.
    func complete(_ domain: Domain, _ bases: BaseDefinition) throws {
        guard bases.disks.contains(where: { $0.definition != nil }), try domain.isPersistent() else { return }
        let now = try domain.document(live: false)
        let whole = bases.completed(now)
        if whole != now { _ = try define(whole) }
    }
}
