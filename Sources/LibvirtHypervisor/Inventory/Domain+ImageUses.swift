internal import DiskLocation
internal import Hypervisor
internal import XMLTree

/// The images that a disk of a definition names or leads to.
struct ImageUse: Sendable, Equatable {
    /// The guest's name for the disk.
    let target: String
    /// Those that the definition names: paths; of a volume that cannot be found its bare name.
    let images: [String]
    /// Those that only the headers of its images name.
    var claimed: [String] = []
}

extension Domain {
    /// All images of what it runs on and of what it will start from, as widely as its definition tells; nothing when it
    /// went away meanwhile.
    func imageUses() throws -> [ImageUse] {
        do {
            return try [true, false].flatMap { live in
                ImageUse.all(in: try document(live: live)) { [connection] in
                    try? connection.volumePath(pool: $0, volume: $1)
                }
            }
        } catch let error as LibvirtError where error.isNoSuchDomain {
            return []
        }
    }
}

extension ImageUse {
    /// - Parameter volumePath: finds the path of a `<source pool=… volume=…/>`; nil where it cannot.
    static func all(in domain: XMLElement, volumePath: (_ pool: String, _ volume: String) -> String?) -> [ImageUse] {
        let disks = (domain.first("devices")?.children(named: "disk") ?? []).map { disk in
            let images = named(by: disk, volumePath)
            let below = images.first.map {
                ImageChain.layers(below: $0, format: disk.first("driver")?["type"] ?? "raw")
            }
            return ImageUse(
                target: disk.first("target")?["dev"] ?? "disk", images: images,
                claimed: below?.map(\.path).filter { !images.contains($0) } ?? [])
        }
        return disks + arguments(of: domain)
    }

    /// Its source, and whatever stands inside: images below it, where it is copied to, where its data are.
    private static func named(
        by element: XMLElement, _ volumePath: (_ pool: String, _ volume: String) -> String?
    ) -> [String] {
        var images: [String] = []
        if element.name == "source" {
            images += [element["file"], element["dev"]].compactMap { $0 }
            if let pool = element["pool"], let volume = element["volume"] {
                images.append(volumePath(pool, volume) ?? volume)
            }
        }
        return images + element.children.flatMap { named(by: $0, volumePath) }
    }

    /// `<qemu:commandline>`: any path in an argument.
    private static func arguments(of domain: XMLElement) -> [ImageUse] {
        let lines = domain.children.filter { $0.name == "qemu:commandline" || $0.name == "commandline" }
        let words = lines.flatMap(\.children).compactMap { $0["value"] }.flatMap { value in
            value.split { $0 == "," || $0 == "=" || $0 == "\"" }.map(String.init).filter { $0.hasPrefix("/") }
        }
        return words.isEmpty ? [] : [ImageUse(target: "command line", images: words)]
    }
}
