internal import Hypervisor
internal import XMLTree

extension Domain {
    /// What must be saved of it besides disks and RAM.
    /// - Parameter files: nil: its files are another host's.
    func exportDefinition(files: DomainFiles? = DomainFiles()) throws -> ExportedDefinition {
        let definition = try document(live: false)
        let live = try document(live: true)
        // Only a running domain has a number.
        guard live["id"] != nil else {
            return ExportedDefinition(definition: definition.description, files: files?.list(for: definition) ?? [])
        }
        return ExportedDefinition(
            definition: completed(definition, by: live).description, files: files?.list(for: live) ?? [])
    }
}

/// The definition with what only the running domain knows, and a restored one needs: the images that its disks are on,
/// whole chains of them, and the place of its UEFI variables.
///
/// A chain is written down because a qcow2 names the image below it by a path, and a clone's images are at others.
func completed(_ definition: XMLElement, by live: XMLElement) -> XMLElement {
    let disks = live.first("devices")?.children(named: "disk") ?? []
    var definition = definition
    definition.change("devices") { devices in
        devices.change("disk") { disk in
            // A transient domain has no other definition than the one that runs.
            disk = disk.withoutIndexes
            let kept = disk
            guard !["cdrom", "floppy"].contains(disk["device"]),
                let running = disks.first(where: kept.isDisk)?.withoutIndexes
            else { return }
            if !disk.hasSource(of: running) {
                disk["type"] = running["type"]
                for name in ["driver", "source"] { running.first(name).map { disk.put($0) } }
                disk.remove("backingStore")
            }
            disk.takeChain(of: running)
        }
    }
    if let variables = live.first("os", "nvram") {
        definition.change("os") { if $0.first("nvram") == nil { $0.put(variables) } }
    }
    return definition
}

/// The XML of a RAM dump with the chains that the definition has for the same images; libvirt leaves out those that it
/// found without being told.
func withChains(_ dump: XMLElement, of definition: XMLElement) -> XMLElement {
    let disks = definition.first("devices")?.children(named: "disk") ?? []
    var dump = dump
    dump.change("devices") { devices in
        devices.change("disk") { disk in
            let source = disk
            disks.first { source.isDisk(of: $0) && source.hasSource(of: $0) }.map { disk.takeChain(of: $0) }
        }
    }
    return dump
}

extension XMLElement {
    fileprivate func isDisk(of other: XMLElement) -> Bool {
        first("target")?["dev"] == other.first("target")?["dev"]
    }

    fileprivate func hasSource(of other: XMLElement) -> Bool {
        let places = ["file", "dev", "pool", "volume", "protocol", "name"]
        return self["type"] == other["type"] && places.allSatisfy { first("source")?[$0] == other.first("source")?[$0] }
    }

    fileprivate mutating func takeChain(of other: XMLElement) {
        guard first("backingStore") == nil, let below = other.first("backingStore"), below.first("source") != nil
        else { return }
        put(below)
    }

    /// Without the numbers that libvirt gives the images of a running domain.
    fileprivate var withoutIndexes: XMLElement {
        var element = self
        element.change("source") { $0["index"] = nil }
        element.change("backingStore") {
            $0["index"] = nil
            $0 = $0.withoutIndexes
        }
        return element
    }
}
