internal import DiskLocation
internal import Hypervisor
internal import XMLTree

/// A disk in a domain's XML.
struct DomainDisk: Sendable, Equatable {
    let disk: Disk
    /// A block job that writes this disk elsewhere is under way (`<mirror>`).
    let mirror: Mirror?
    /// How many images the definition has below the first one.
    private let layerCount: Int

    enum Mirror: Sendable, Equatable {
        /// A commit into the image below: how far it is.
        case running, ready
        /// The commit was asked to pivot, or to end without.
        case pivoting, ending
        /// Somebody copies the disk elsewhere, or commits it into another image.
        case foreign

        init(_ element: XMLElement, below: String?, path: String?) {
            switch element["ready"] {
            case _ where element["job"] == "copy": self = .foreign
            case _ where path != nil && path != below: self = .foreign
            case "yes": self = .ready
            case "pivot": self = .pivoting
            case "abort": self = .ending
            default: self = .running
            }
        }
    }

    /// - Parameter header: what the header of the first image says, where it was read.
    init(
        _ element: XMLElement, header: ImageHeader? = nil, volumePath: (String, String) throws -> String
    ) {
        let shape = DiskShape(DiskElement(element: element, header: header))
        let target = element.first("target")?["dev"] ?? ""
        var exclusion: Disk.Exclusion?
        if case .excluded(let reason) = shape.handling { exclusion = reason }
        var refusal = shape.refusal
        // The pool of a CD-ROM may be gone, and that is no problem.
        let isLookedUp = element["type"] != "volume" || [nil, .shareable, .transient].contains(exclusion)
        var chain: [String] = []
        do {
            chain = isLookedUp ? try Self.chain(of: element, volumePath) : []
        } catch {
            refusal = exclusion == nil ? "\(target) has an image that cannot be found: \(error)" : nil
        }
        if chain.isEmpty, refusal == nil, exclusion == nil { exclusion = .remote }
        disk = Disk(
            target: target, chain: chain, format: element.first("driver")?["type"] ?? "raw",
            lowerFormats: Self.formats(of: element, volumePath), exclusion: exclusion, refusal: refusal)
        layerCount = DiskElement(element: element).layers.count
        mirror = element.first("mirror").map { mirror in
            // The path of a block device is in its source; a file's is there too, and in an old attribute.
            let path = try? Self.path(of: mirror, volumePath)
            return Mirror(mirror, below: chain.dropFirst().first, path: path ?? nil)
        }
    }

    /// The images below the first one, from the definition of a running domain, which has them all; nil where one is not
    /// local, or of no format that is told.
    var layersBelow: [ImageChain.Layer]? {
        let layers = disk.chain.dropFirst().map { ImageChain.Layer(path: $0, format: disk.format(of: $0)) }
        return layers.count == layerCount && layers.allSatisfy { $0.format != nil } ? layers : nil
    }

    /// The formats of the images below the first one, as the definition has them.
    private static func formats(
        of element: XMLElement, _ volumePath: (String, String) throws -> String
    ) -> [String: String]? {
        var formats: [String: String] = [:]
        for layer in DiskElement(element: element).layers {
            guard let format = layer.first("format")?["type"], let path = try? path(of: layer, volumePath) else {
                continue
            }
            formats[path] = format
        }
        return formats.isEmpty ? nil : formats
    }

    /// The paths of its images and of the files that hold their data, as far as they are local.
    private static func chain(
        of element: XMLElement, _ volumePath: (String, String) throws -> String
    ) throws -> [String] {
        guard let first = try path(of: element, volumePath) else { return [] }
        var chain = [first]
        if let store = element.first("source", "dataStore") ?? element.first("dataStore"),
            let path = try path(of: store, volumePath)
        {
            chain.append(path)
        }
        for layer in DiskElement(element: element).layers {
            // What cannot be found below is not written to.
            if let path = try? path(of: layer, volumePath) { chain.append(path) }
        }
        return chain
    }

    private static func path(of element: XMLElement, _ volumePath: (String, String) throws -> String) throws -> String?
    {
        guard let source = element.first("source") else { return nil }
        switch element["type"] ?? "file" {
        case "file": return source["file"]
        case "block": return source["dev"]
        case "volume":
            guard let pool = source["pool"], let volume = source["volume"] else { return nil }
            let path = try volumePath(pool, volume)
            // A pool of another host's images names them by other words.
            return path.hasPrefix("/") ? path : nil
        default: return nil
        }
    }
}
