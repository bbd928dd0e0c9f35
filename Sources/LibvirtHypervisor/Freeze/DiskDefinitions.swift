internal import DiskLocation
internal import Hypervisor
internal import XMLTree

/// A domain's definitions as they are just before a freeze.
struct DiskDefinitions: Sendable {
    /// Of the domain as it runs; with what the headers of the images say that are to get an overlay.
    let description: DomainDescription
    /// The `<disk>`s of what it starts from next time, by target: what is to be in its definition again afterwards. Of
    /// a disk that is another image there, and of a domain that has no such definition, the running one's.
    let kept: [String: String]
}

extension Domain {
    func diskDefinitions(of targets: [String]) throws -> DiskDefinitions {
        let live = try document(live: true)
        let persistent = try document(live: false)
        let volumePath = { [connection] in try connection.volumePath(pool: $0, volume: $1) }
        let description = try DomainDescription(live, host: connection.hostDevices, volumePath: volumePath)
            .readingHeaders(of: targets, in: live, connection.site.map(\.paths), volumePath)
        return DiskDefinitions(
            description: description,
            kept: try keptDisks(targets, live: live, persistent: persistent) {
                DomainDisk($0, volumePath: volumePath).disk
            })
    }
}

/// The texts of the `<disk>`s of these targets.
/// - Parameter read: gives a disk's images.
/// - Throws: HypervisorError, remedy `.fallBack`, where one is too long to be kept.
func keptDisks(
    _ targets: [String], live: XMLElement, persistent: XMLElement, _ read: (XMLElement) -> Disk
) throws -> [String: String] {
    try targets.reduce(into: [:]) { kept, target in
        guard let running = live.disk(target) else { return }
        let next = persistent.disk(target).flatMap { read($0).source == read(running).source ? $0 : nil }
        let text = (next ?? running.withoutRunningParts).description
        guard text.utf8.count <= OverlayDisk.longestDefinition else {
            throw HypervisorError(
                .notQuiesced, "the definition of \(target) is longer than \(OverlayDisk.longestDefinition) bytes",
                remedy: .fallBack, reason: .diskUnsupported)
        }
        kept[target] = text
    }
}

extension DomainDescription {
    /// Makes sure, before anything is done, that the disk can be moved to an overlay and back, and that no other one
    /// keeps the VM from being consistent.
    /// - Throws: HypervisorError, remedy `.fallBack`.
    func requireHoldable(_ target: String) throws {
        if let reason = disk(target)?.disk.refusal ?? obstacle {
            throw HypervisorError(StrategyObstacle(.diskUnsupported, reason))
        }
    }

    /// - Parameter paths: where its host's paths are here; nil: they are the same.
    fileprivate func readingHeaders(
        of targets: [String], in root: XMLElement, _ paths: PathMap?, _ volumePath: (String, String) throws -> String
    ) -> DomainDescription {
        var description = self
        description.disks = disks.map { found in
            let disk = found.disk
            // A raw image may say what its guest likes.
            guard targets.contains(disk.target), disk.format == "qcow2", let path = disk.source,
                let here = paths.map({ $0.ours(path) }) ?? path, let header = try? ImageHeader.read(at: here),
                let element = root.disk(disk.target)
            else { return found }
            return DomainDisk(element, header: header, volumePath: volumePath)
        }
        return description
    }
}

extension XMLElement {
    /// The `<disk>` of a domain that the guest knows by this name.
    func disk(_ target: String) -> XMLElement? {
        first("devices")?.children(named: "disk").first { $0.first("target")?["dev"] == target }
    }

    /// Without what only a running domain has: numbers of images, the alias, a job.
    fileprivate var withoutRunningParts: XMLElement {
        var element = self
        element.remove("alias")
        element.remove("mirror")
        func drop(_ image: inout XMLElement) {
            image["index"] = nil
            image.change("source") { $0["index"] = nil }
            image.change("backingStore") { drop(&$0) }
        }
        drop(&element)
        return element
    }
}
