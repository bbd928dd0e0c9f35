internal import Hypervisor
internal import XMLTree

/// Changes a domain's XML so that it can be restored: elsewhere, and as a VM of its own (libvirt.org/formatdomain.html).
///
/// The definition and the XML in a RAM dump go through the same rewriting, so that they agree. Addresses and aliases of
/// devices stay: the RAM knows the devices by them.
struct DomainXMLRewriter: Sendable {
    /// Images that are at another place now.
    var moves: [PathMove] = []
    /// Nil: the domain stays itself.
    var identity: CloneIdentity?
    /// Every network link shall be down from the start.
    var linksDown = false
    /// Finds the path of a `<source pool=… volume=…/>`.
    var volumePath: @Sendable (_ pool: String, _ volume: String) throws -> String

    func rewritten(_ domain: XMLElement) throws -> XMLElement {
        var domain = domain
        domain["id"] = nil
        if let identity { rename(&domain, to: identity) }
        try domain.change("devices") { devices in
            try devices.change("disk") { try moveImages(of: &$0) }
            devices.change { device in
                if let identity { separate(&device, as: identity) }
                if linksDown, device.name == "interface" {
                    device.put(XMLElement("link", ["state": "down"]))
                }
            }
        }
        return domain
    }

    /// Where an image is now; nil where it was not moved. Byte by byte: Swift's own comparison takes two spellings of
    /// an accented letter for equal, which the kernel does not.
    func destination(of path: String) -> String? {
        moves.first { $0.from.utf8.elementsEqual(path.utf8) }?.to
    }
}

// MARK: images

extension DomainXMLRewriter {
    /// A `<disk>`, or a `<backingStore>` in one.
    private func moveImages(of image: inout XMLElement) throws {
        if let source = image.first("source"), let path = try path(of: source, type: image["type"]),
            let new = destination(of: path)
        {
            moveSource(of: &image, to: new)
        }
        try image.change("backingStore") { try moveImages(of: &$0) }
    }

    private func path(of source: XMLElement, type: String?) throws -> String? {
        switch type {
        case "file": return source["file"]
        case "block": return source["dev"]
        case "volume":
            // Not asked for in vain: the pool may be gone, and where nothing was moved that is libvirt's to tell.
            guard !moves.isEmpty, let pool = source["pool"], let volume = source["volume"] else { return nil }
            return try volumePath(pool, volume)
        default: return nil
        }
    }

    private func moveSource(of image: inout XMLElement, to path: String) {
        if image["type"] == "volume" { image["type"] = path.hasPrefix("/dev/") ? "block" : "file" }
        let isBlock = image["type"] == "block"
        image.change("source") { source in
            for attribute in ["pool", "volume", "mode", "index", "file", "dev"] { source[attribute] = nil }
            source[isBlock ? "dev" : "file"] = path
        }
    }
}

// MARK: identity

extension DomainXMLRewriter {
    private func rename(_ domain: inout XMLElement, to identity: CloneIdentity) {
        domain.put(XMLElement("name", text: identity.name))
        domain.put(XMLElement("uuid", text: identity.uuid))
        // libvirt wants it to be the domain's own (virSysinfo: "UUID mismatch").
        domain.change("sysinfo") { sysinfo in
            sysinfo.change("system") { system in
                system.change("entry") { if $0["name"] == "uuid" { $0.wholeText = identity.uuid } }
            }
        }
        // The guest is to notice that it is a copy. Any new value does, and here is one that is nobody else's.
        domain.change("genid") { if !$0.text.isEmpty { $0.wholeText = identity.uuid } }
        domain.change("os") { os in
            os.change("nvram") { nvram in
                if !nvram.text.isEmpty { nvram.wholeText = identity.variablesFile(beside: nvram.text) }
                nvram.change("source") { source in
                    if let path = source["file"] { source["file"] = identity.variablesFile(beside: path) }
                }
            }
        }
    }
}

extension CloneIdentity {
    /// The place for UEFI variables: in the original's folder, with its ending.
    func variablesFile(beside original: String) -> String {
        let folder = original.lastIndex(of: "/").map { original[...$0] } ?? ""
        let file = original[folder.endIndex...]
        let ending = file.lastIndex(of: ".").map { file[$0...] } ?? ".fd"
        return "\(folder)\(fileWord)_VARS\(ending)"
    }
}
