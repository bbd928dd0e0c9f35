internal import Hypervisor
internal import Support
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
    /// What is not restored of a definition that is not trusted.
    let leftOut: [String]

    struct Dump: Sendable {
        let image: SaveImage
        /// What its XML must become; nil where it stays.
        let xml: XMLElement?
    }

    init(
        _ request: RestoreRequest, files: DomainFiles = DomainFiles(),
        volumePath: @escaping @Sendable (_ pool: String, _ volume: String) throws -> String
    ) throws {
        let kept = try Self.parse(request.definition, "the saved definition")
        let images = request.moves.map(\.from)
        var leftOut: [String] = []
        var original = kept
        if !request.isTrusted { (original, leftOut) = try UntrustedDefinition.filtered(kept, images: images) }
        guard original.name == "domain", let name = original.first("name")?.wholeText,
            let uuid = original.first("uuid")?.text
        else {
            throw HypervisorError(
                .callFailed, "the saved definition is no domain's, or has no name or no UUID", remedy: .stop)
        }
        if let identity = request.identity {
            // As libvirt writes it: it would take other spellings of another VM's for that one's.
            let parts = identity.id.split(separator: "-", omittingEmptySubsequences: false).map(\.utf8.count)
            guard parts == [8, 4, 4, 4, 12], ElementRule.uuid(identity.id), identity.id == identity.id.lowercased(),
                identity.id == uuid.lowercased(), identity.name.utf8.elementsEqual(name.utf8)
            else {
                throw HypervisorError(
                    .callFailed,
                    "the saved definition is that of \(printable(name)) (\(printable(uuid))), not of "
                        + "\(printable(identity.name)) (\(printable(identity.id)))", remedy: .stop)
            }
        }
        // A VM that shall be off has no use for RAM.
        let image = try request.power == .off ? nil : request.ramDump.map(Self.wholeImage)
        var remembered = try image.map { try Self.definition(in: $0, of: kept) }
        if !request.isTrusted, let domain = remembered {
            let filtered = try UntrustedDefinition.filtered(domain, images: images)
            remembered = filtered.domain
            leftOut += filtered.leftOut.filter { !leftOut.contains($0) }
        }
        var random = SystemRandomNumberGenerator()
        let identity = request.newName.map {
            CloneIdentity(name: $0, replacing: [original] + (remembered.map { [$0] } ?? []), using: &random)
        }
        var rewriting = DomainXMLRewriter(moves: request.moves, identity: identity, volumePath: volumePath)
        // What libvirt finds in an untrusted dump is never what somebody else wrote there.
        let changesDump = identity != nil || !request.moves.isEmpty || !request.isTrusted
        let changed = try remembered.flatMap { changesDump ? try rewriting.rewritten($0) : nil }
        rewriting.linksDown = request.linksUp == false
        let definition = try rewriting.rewritten(original)
        self.name = request.newName ?? name
        self.uuid = identity?.uuid ?? uuid
        isNew = identity != nil
        self.definition = definition
        // Without a place of its own choosing, what libvirt chooses later is not known here.
        let placed =
            request.isTrusted ? request.files : request.files.filter { files.hasPlace(for: $0, in: definition) }
        leftOut += request.files.filter { !placed.contains($0) }.map { "the saved file \(printable($0.name))" }
        self.leftOut = leftOut
        placements = try files.placements(of: placed, for: definition, original: original)
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
