internal import DiskLocation
internal import XMLTree

/// A `<disk>` as libvirt's schema has it (domaincommon.rng, formatdomain.html), in the words of `DiskRule`'s table.
struct DiskElement: Sendable {
    let element: XMLElement
    /// What the header of the first image says; nil where it was not read.
    var header: ImageHeader?

    var type: String { element["type"] ?? "file" }
    var device: String { element["device"] ?? "disk" }
    var source: XMLElement? { element.first("source") }
    var driver: XMLElement? { element.first("driver") }
    var format: String { driver?["type"] ?? "raw" }

    func has(_ name: String) -> Bool { element.first(name) != nil }

    /// In the source of the image that is written to.
    func sourceHas(_ name: String) -> Bool { source?.first(name) != nil }

    /// The images below the first one, as far as the XML names them.
    var layers: [XMLElement] {
        var layers: [XMLElement] = []
        var next = element.first("backingStore")
        while let layer = next, layer["type"] != nil || layer.first("source") != nil {
            layers.append(layer)
            next = layer.first("backingStore")
        }
        return layers
    }
}

// MARK: what is known of the schema

extension DiskElement {
    static let localTypes: Set = ["file", "block", "volume"]
    static let remoteTypes: Set = ["network", "nvme", "vhostuser", "vhostvdpa"]

    private static let attributes: Set = ["type", "device", "model", "snapshot", "rawio", "sgio"]
    private static let children: Set = [
        "driver", "source", "target", "backingStore", "mirror", "encryption", "blockio", "geometry", "iotune",
        "readonly", "shareable", "transient", "serial", "wwn", "vendor", "product", "boot", "address", "alias", "acpi",
    ]
    private static let sourceAttributes: Set = [
        "file", "dev", "pool", "volume", "mode", "startupPolicy", "index", "fdgroup",
    ]
    private static let sourceChildren: Set = ["seclabel", "encryption", "slices", "reservations", "dataStore"]
    private static let driverAttributes: Set = [
        "name", "type", "cache", "error_policy", "rerror_policy", "io", "ioeventfd", "event_idx", "copy_on_read",
        "discard", "discard_no_unref", "detect_zeroes", "iothread", "queues", "queue_size", "iommu", "ats", "packed",
        "page_per_vq",
    ]
    private static let driverChildren: Set = ["metadata_cache", "iothreads", "statistics"]

    /// The first thing in the disk, or in the source of its first image, that may say what its data is and is not
    /// known here.
    var unknownPart: String? {
        if device != "disk", device != "lun" { return "device='\(device)'" }
        if !Self.localTypes.contains(type) { return "type='\(type)'" }
        if let name = driver?["name"], name != "qemu" { return "<driver name='\(name)'>" }
        return element.stranger(Self.attributes, Self.children)
            ?? source?.stranger(Self.sourceAttributes, Self.sourceChildren)
    }

    /// The first thing in `<driver>` that is not known here. QEMU knows how to write to such a disk; qemu-img is not
    /// told.
    var unknownDriverPart: String? { driver?.stranger(Self.driverAttributes, Self.driverChildren) }

    /// The first image below that is more than a file or a device, in words.
    var unusualLayer: String? {
        for layer in layers {
            let type = layer["type"] ?? "file"
            if !Self.localTypes.contains(type) { return "<backingStore type='\(type)'>" }
            let odd =
                layer.stranger(["type", "index"], ["format", "source", "backingStore"])
                ?? layer.first("format")?.stranger(["type"], ["metadata_cache"])
                ?? layer.first("source")?.stranger(Self.sourceAttributes.subtracting(["fdgroup"]), ["seclabel"])
            if let odd { return "\(odd) in <backingStore>" }
        }
        return nil
    }
}

extension XMLElement {
    /// The first attribute or child that is none of these, in words.
    fileprivate func stranger(_ attributes: Set<String>, _ children: Set<String>) -> String? {
        if let attribute = self.attributes.first(where: { !attributes.contains($0.name) }) {
            return "the attribute \(attribute.name) of <\(name)>"
        }
        return self.children.first { !children.contains($0.name) }.map { "<\($0.name)> in <\(name)>" }
    }
}
