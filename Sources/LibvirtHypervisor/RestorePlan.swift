internal import Hypervisor
internal import XMLTree

/// Everything about a restore that can be known, and refused, before anything is touched.
struct RestorePlan: Sendable {
    let name: String
    let uuid: String
    let isNew: Bool
    let definition: XMLElement
    let placements: [FilePlacement]
    /// Nil: it starts, if at all, by booting.
    let dump: Dump?

    struct Dump: Sendable {
        let image: SaveImage
        /// What its XML must become; nil where it stays.
        let xml: XMLElement?
    }

    init(
        _ request: RestoreRequest, files: DomainFiles = DomainFiles(),
        volumePath: @escaping @Sendable (_ pool: String, _ volume: String) throws -> String
    ) throws {
        let original = try Self.parse(request.definition, "the kept definition")
        guard original.name == "domain", let name = original.first("name")?.wholeText,
            let uuid = original.first("uuid")?.text
        else {
            throw HypervisorError(
                .callFailed, "the kept definition is no domain's, or has no name or no UUID", remedy: .stop)
        }
        // A VM that shall be off has no use for RAM.
        let image = try request.power == .off ? nil : request.ramDump.map(Self.wholeImage)
        let remembered = try image.map { try Self.definition(in: $0, of: original) }
        var random = SystemRandomNumberGenerator()
        let identity = request.newName.map {
            NewIdentity(name: $0, replacing: [original] + (remembered.map { [$0] } ?? []), using: &random)
        }
        var rewriting = DomainRewriting(moves: request.moves, identity: identity, volumePath: volumePath)
        let changesDump = identity != nil || !request.moves.isEmpty
        let changed = try remembered.flatMap { changesDump ? try rewriting.rewritten($0) : nil }
        rewriting.linksDown = request.linksUp == false
        let definition = try rewriting.rewritten(original)
        self.name = request.newName ?? name
        self.uuid = identity?.uuid ?? uuid
        isNew = identity != nil
        self.definition = definition
        placements = try files.placements(of: request.files, for: definition, original: original)
        dump = image.map { Dump(image: $0, xml: changed) }
    }

    private static func parse(_ text: String, _ what: String) throws -> XMLElement {
        do {
            return try XMLElement.parse(text)
        } catch {
            throw HypervisorError(.callFailed, "\(what) is no XML", remedy: .stop, cause: error)
        }
    }

    private static func definition(in image: SaveImage, of original: XMLElement) throws -> XMLElement {
        let domain = try parse(image.xml, "the definition in the RAM dump \(image.path)")
        // libvirt would bring up whatever VM it names.
        guard domain.name == "domain", domain.first("uuid")?.text == original.first("uuid")?.text else {
            throw HypervisorError(
                .badDump,
                "the RAM dump \(image.path) is another VM's, or was changed for a new VM before; take a fresh copy",
                remedy: .stop)
        }
        return withChains(domain, of: original)
    }

    private static func wholeImage(_ path: String) throws -> SaveImage {
        guard try SaveImage.isWhole(path) else {
            throw HypervisorError(
                .badDump, "the RAM dump \(path) is incomplete, or no RAM dump; restore without it", remedy: .stop)
        }
        return try SaveImage(path: path)
    }
}
