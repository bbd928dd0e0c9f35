internal import XMLTree

/// Properties of some of the server's objects, asked for in one call (RetrievePropertiesEx).
struct PropertyRequest: Sendable {
    /// The properties of each type of object.
    private var paths: [(type: String, paths: [String])] = []
    private var objects: [XMLElement] = []
    /// Whether any object is named at all.
    var isEmpty: Bool { objects.isEmpty }

    /// Asks for these properties of every object of the type that is met.
    mutating func want(_ paths: [String], of type: String) {
        self.paths.append((type, paths))
    }

    /// Names an object; one that is not there is left out of the answer.
    mutating func add(_ object: Reference) {
        objects.append(XMLElement("objectSet", children: [object.element("obj")]))
    }

    /// Names all objects that a property of an object refers to, not the object itself.
    mutating func add(all path: String, of object: Reference) {
        let step = XMLElement(
            "selectSet", type: "TraversalSpec",
            children: [
                XMLElement("type", text: object.type), XMLElement("path", text: path),
                XMLElement("skip", text: "false"),
            ])
        objects.append(
            XMLElement(
                "objectSet",
                children: [object.element("obj"), XMLElement("skip", text: "true"), step]))
    }

    /// The call; its answer holds no more than `page` objects and a token for the rest.
    func call(on collector: Reference, page: Int? = nil) -> Call {
        let wanted = paths.map { type, paths in
            XMLElement(
                "propSet",
                children: [XMLElement("type", text: type)] + paths.map { XMLElement("pathSet", text: $0) })
        }
        let tolerant = XMLElement("reportMissingObjectsInResults", text: "true")
        return Call(
            "RetrievePropertiesEx", on: collector,
            [
                XMLElement("specSet", children: wanted + objects + [tolerant]),
                XMLElement("options", children: page.map { [XMLElement("maxObjects", text: "\($0)")] } ?? []),
            ], isRepeatable: true)
    }
}

/// Properties of one object, as the server sent them.
struct ObjectProperties: Sendable {
    let object: Reference
    /// By path; one that is unset, or may not be seen, is not there.
    let values: [String: XMLElement]

    /// Those of all objects of an answer, and the token for more.
    static func read(_ result: XMLElement) -> (objects: [ObjectProperties], token: String?) {
        guard let page = result.first("returnval") else { return ([], nil) }
        return (page.children(named: "objects").compactMap(ObjectProperties.init), page.value("token"))
    }

    /// Whether the server has forgotten the session. Some then answer all the same, with nothing in it.
    static func areWithoutSession(_ result: XMLElement) -> Bool {
        let missing = result.first("returnval", "objects", "missingSet", "fault")
        return missing.map { VimFault(localized: $0).sort == .session } ?? false
    }

    private init?(_ element: XMLElement) {
        guard let object = Reference(element.first("obj")) else { return nil }
        self.object = object
        var values: [String: XMLElement] = [:]
        for property in element.children(named: "propSet") {
            if let name = property.value("name"), let value = property.first("val") { values[name] = value }
        }
        self.values = values
    }

    /// A property that is plain text.
    func text(_ path: String) -> String? { values[path]?.wholeText }

    /// The object's name as its owner wrote it; its MoRef where the server does not tell.
    var name: String { text("name").map(unescaped) ?? object.value }

    /// Whether a property says yes.
    func isTrue(_ path: String) -> Bool { ["true", "1"].contains(text(path)) }
}
