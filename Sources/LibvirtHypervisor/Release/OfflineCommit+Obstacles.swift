internal import DiskLocation
internal import Hypervisor
internal import XMLTree

/// What must be known of a base before qemu-img writes to it: all that its definition said.
extension OverlayDisk {
    /// Why qemu-img must not commit into the base; nil where it may.
    /// - Parameter definitions: what its domain runs on or starts from; none where it was undefined.
    func obstacleToOfflineCommit(_ definitions: [XMLElement]) -> String? {
        guard let disk = keptDisk ?? definitions.lazy.compactMap(baseDisk).first else {
            return "what its definition said of \(base) is not known"
        }
        var header: ImageHeader?
        // A raw image may say what its guest likes.
        if baseFormat == "qcow2" {
            do {
                header = try ImageHeader.read(at: base)
            } catch {
                return "\(error)"
            }
        }
        return DiskShape(DiskElement(element: disk, header: header)).obstacleToOfflineCommit
    }

    /// The base as a `<disk>`, from what libvirt wrote of it below the overlay.
    private func baseDisk(in domain: XMLElement) -> XMLElement? {
        for disk in domain.first("devices")?.children(named: "disk") ?? [] {
            var image = disk
            while let below = image.first("backingStore") {
                if image.imagePath == overlay, below.imagePath == base {
                    var found = below
                    let format = below.first("format")?["type"] ?? baseFormat
                    found.name = "disk"
                    found["index"] = nil
                    found.remove("format")
                    found.put(XMLElement("driver", ["name": "qemu", "type": format]))
                    found.put(XMLElement("target", ["dev": target]))
                    return found
                }
                image = below
            }
        }
        return nil
    }
}

extension OfflineCommit {
    /// Makes sure that qemu-img writes to no base of which it does not know all that QEMU knew.
    /// - Throws: HypervisorError `.changed`, remedy `.stop`, with what to do.
    func requireUnderstoodBases(of items: [Item]) async throws {
        let disks = items.filter { !$0.isCommitted }.map(\.disk)
        guard !disks.isEmpty else { return }
        try await blocking("reading what is known of the bases", within: .seconds(30)) {
            try requireUnderstood(disks, by: [domain?.document(live: false)].compactMap(\.self), name: domain?.name)
        }
    }
}

/// - Parameters:
///   - definitions: what its domain starts from; none where it was undefined.
///   - name: the domain's; nil where it was undefined.
func requireUnderstood(_ disks: [OverlayDisk], by definitions: [XMLElement], name: String?) throws {
    for disk in disks {
        guard let reason = disk.obstacleToOfflineCommit(definitions) else { continue }
        let wayOut = name == nil ? "define the VM again and start it" : "start it"
        throw HypervisorError(
            .changed,
            "\(disk.target)\(name.map { " of \($0)" } ?? "") cannot be committed while the VM is off: \(reason); its "
                + "overlay \(disk.overlay) was not touched; \(wayOut), then: stillpoint recover", remedy: .stop)
    }
}
